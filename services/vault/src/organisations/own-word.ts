import { Problem } from '@bulla/contract';
import type { FreshClaims } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';

/**
 * Checks that a renewer brings its own word, and has just said it: one that somebody kept back would say of an old
 * moment what is taken for a new one. That it is not ahead was checked with its signature.
 * @param now seconds
 * @throws {Problem} forbidden, clock_skew
 */
export function requireOwnWord({ urn, trust }: Caller, { iss, iat }: FreshClaims, now: number): void {
  // guard: vault-fresh-own
  if (iss !== urn) throw new Problem('forbidden', { detail: 'a renewer brings what it has signed itself' });
  // guard: vault-fresh-old
  if (iat < now - trust.policy.max_skew)
    throw new Problem('clock_skew', { detail: 'what a renewer says was signed too long ago' });
}
