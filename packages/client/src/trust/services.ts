import type { DirectoryEntity, Trust } from '@bulla/crypto';
import { requireSeconds } from '@bulla/crypto';

/** The services whose keys their operators make, and a signer of the directory lists. */
export type ServiceKind = 'vault' | 'responder' | 'renewer';

/** Which service an entity is, a renewer being one; undefined where people make its keys for themselves. */
export function serviceKindOf(entity: DirectoryEntity | undefined): ServiceKind | undefined {
  if (entity?.kind === 'vault' || entity?.kind === 'responder') return entity.kind;
  return entity?.kind === 'device' && entity.roles.includes('renewer') ? 'renewer' : undefined;
}

/**
 * URNs of the services of a kind that the directory lists. A renewer whose keys have ended or were revoked is no more than
 * a device that has left.
 * @param now seconds
 */
export function servicesOf(trust: Trust, kind: ServiceKind, now: number): string[] {
  requireSeconds(now);
  if (kind !== 'renewer') return trust.entitiesOf(kind);
  const renewers = trust.entitiesOf('device').filter((urn) => serviceKindOf(trust.entity(urn)) === kind);
  return renewers.filter((urn) => trust.activeKeys(urn, 'fresh', now).length > 0);
}
