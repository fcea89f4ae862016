import type { KeyState, Trust } from '@bulla/crypto';
import { fingerprint, keyState } from '@bulla/crypto';

/** A device as the directory lists it. */
export interface ListedDevice {
  readonly urn: string;
  readonly user: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** The state of its best signing key. */
  readonly state: KeyState;
  /** Fingerprint of that key. */
  readonly fingerprint: string;
  /** Seconds: until when it signs. */
  readonly useUntil: number;
}

const STATES: readonly KeyState[] = ['active', 'pending', 'deactivated', 'ended', 'revoked'];

/** What the directory says of a device; nothing of one that has no key that signs. */
export function listedDevice(trust: Trust, urn: string, now: number): ListedDevice[] {
  const entity = trust.entity(urn);
  if (entity?.kind !== 'device') return [];
  const [best] = entity.keys
    .filter(({ use }) => use === 'sig')
    .map((key) => ({ key, state: keyState(key, trust.isRevoked(key.kid), now) }))
    .toSorted((left, right) => STATES.indexOf(left.state) - STATES.indexOf(right.state));
  if (best === undefined) return [];
  const { user, roles, groups } = entity;
  const { key, state } = best;
  return [{ urn, user, roles, groups, state, fingerprint: fingerprint(key.kid), useUntil: key.use_until }];
}
