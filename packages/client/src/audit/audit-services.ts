import type { Trust } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import { requireLoopback } from '../connection/loopback.js';
import type { Session } from '../connection/session.js';
import { vaultOf } from '../connection/session.js';
import type { Service } from '../connection/transport.js';

/** A service that did not answer, so that nothing is known of its logs. */
export interface UnreachedService {
  /** URN. */
  readonly service: string;
  readonly error: BullaError;
}

/** URNs of the vault and of every responder that the directory lists, whatever became of its keys. */
export function auditServices(session: Session, trust: Trust): string[] {
  return [vaultOf(session, trust).urn, ...trust.entitiesOf('responder')];
}

/**
 * The service whose logs are asked for; the vault unless one is named.
 * @throws {BullaError} validation_failed, naming those that are listed; pin_mismatch if a development organisation names
 *   one that is not on this machine
 */
export function auditService(session: Session, trust: Trust, urn: string | undefined): Service {
  const vault = vaultOf(session, trust);
  if (urn === undefined || urn === vault.urn) return vault;
  const entity = trust.entity(urn);
  // guard: audit-service-listed
  if (entity?.kind !== 'responder')
    throw bullaError('validation_failed', {
      message: `the directory lists no service of that name; it lists ${auditServices(session, trust).join(', ')}`,
      origin: 'client',
    });
  const url = new URL(entity.url);
  requireLoopback(trust, url);
  return { urn, url };
}

/** Does something for each service; those that do not answer are set aside, so that one does not hide the others. */
export async function forEachService(
  session: Session,
  trust: Trust,
  urns: readonly string[],
  work: (service: Service) => Promise<void>,
): Promise<UnreachedService[]> {
  const unreached: UnreachedService[] = [];
  for (const urn of urns) {
    try {
      await work(auditService(session, trust, urn));
    } catch (error) {
      if (!(error instanceof BullaError) || error.code !== 'transport_failed') throw error;
      unreached.push({ service: urn, error });
    }
  }
  return unreached;
}
