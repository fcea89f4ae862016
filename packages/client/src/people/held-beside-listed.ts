import type { KeyPurpose, KeyRecord, Trust } from '@bulla/crypto';
import { requireSeconds } from '@bulla/crypto';
import { managesNames } from '../trust/managed-names.js';
import { serviceKindOf } from '../trust/services.js';

/** How the keys that a service says it holds stand beside those that the directory lists. */
export interface HeldBesideListed {
  /** Listed keys that are newer than any that it holds for the same. What is sealed to one of them does not open. */
  readonly notHeld: readonly KeyRecord[];
  /** `kid` of keys that it holds and that no directory lists. */
  readonly notListed: readonly string[];
}

/**
 * @param held `kid` of each key that a vault or responder holds, by its own word.
 * @param now seconds.
 */
export function heldBesideListed(trust: Trust, urn: string, held: readonly string[], now: number): HeldBesideListed {
  requireSeconds(now);
  const purposes = new Set(trust.entity(urn)?.keys.flatMap(({ pur }) => pur));
  const found = [...purposes].flatMap((purpose) => splitByHeld(trust, urn, purpose, { held, now }).newer);
  // Until the policy has managed names, a vault holds keys for them that no directory lists.
  const mayWait = serviceKindOf(trust.entity(urn)) === 'vault' && !managesNames(trust.policy);
  const notListed = mayWait ? [] : held.filter((kid) => trust.holder(kid)?.urn !== urn);
  return { notHeld: found.filter((one, at) => found.findIndex(({ kid }) => kid === one.kid) === at), notListed };
}

/** The keys of a service that count now for one purpose, as they stand beside the newest of them that it holds. */
export interface SplitByHeld {
  /** Undefined where it holds none of them: all are `newer` then. */
  readonly newest: KeyRecord | undefined;
  readonly newer: readonly KeyRecord[];
  readonly older: readonly KeyRecord[];
}

/** @param now seconds. */
export function splitByHeld(
  trust: Trust,
  urn: string,
  purpose: KeyPurpose,
  { held, now }: { readonly held: readonly string[]; readonly now: number },
): SplitByHeld {
  requireSeconds(now);
  const active = trust.activeKeys(urn, purpose, now).map(({ record }) => record);
  const at = active.findIndex(({ kid }) => held.includes(kid));
  return at < 0
    ? { newest: undefined, newer: active, older: [] }
    : { newest: active[at], newer: active.slice(0, at), older: active.slice(at + 1) };
}
