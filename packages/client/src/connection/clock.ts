import { requireSeconds } from '@bulla/crypto';

/**
 * The clock that a caller gives, or the platform's.
 * @returns seconds; it throws a TypeError where the caller's gives anything else
 */
export function clockOf(given: () => number = () => Math.floor(Date.now() / 1000)): () => number {
  return () => {
    const now = given();
    requireSeconds(now);
    return now;
  };
}
