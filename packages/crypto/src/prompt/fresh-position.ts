import { CryptoError } from '../names/errors.js';
import type { FreshnessJudge } from '../organisation/freshness.js';
import { sortWords, tellingOf, verifyLabelFreshness } from '../organisation/freshness.js';
import { requireSeconds } from '../names/seconds.js';
import type { ResolvedTag } from './tag-set.js';

/** By what a position is the newest. */
export interface FreshPosition {
  /** Seconds. */
  readonly until: number;
  /** The renewer's word, where the tags alone do not say it. */
  readonly token?: string | undefined;
  /** Seconds: when the renewer signed it, below which no clock that judges age may fall. */
  readonly signedAt?: number | undefined;
  /** Why other words were passed over. */
  readonly passedOver: readonly CryptoError[];
}

/**
 * Checks that a position was the newest a few days ago: by its tags, or by a renewer. A deletion always counts.
 * @param tokens what renewers say; those that are not good are passed over.
 * @param now seconds
 * @throws {CryptoError} trust_expired (tag-fresh); where a word was passed over, what is more telling: key_unknown
 *   (fresh-newer) if its renewer has a newer directory, trust_rollback (fresh-fork) if one is on another branch, clock_skew
 *   if it is dated in the future
 */
export async function requireFreshPosition(
  position: ResolvedTag,
  tokens: readonly string[],
  { trust, now }: { readonly trust: FreshnessJudge; readonly now: number },
): Promise<FreshPosition> {
  requireSeconds(now);
  const until = position.version === 0 ? position.expiresAt : position.freshUntil;
  if (position.version === 0 || trust.clock(now) < until) return { until, passedOver: [] };
  const { good, passedOver } = await sortWords(tokens, (token) => verifyLabelFreshness(token, position, trust, now));
  const [best] = good.toSorted((left, right) => right.until - left.until);
  if (best !== undefined) return { until: best.until, token: best.token, signedAt: best.claims.iat, passedOver };
  // guard: tag-fresh without: return { until: position.expiresAt, passedOver };
  throw tellingOf(passedOver) ?? notFreshPosition(position);
}

function notFreshPosition({ name, label }: ResolvedTag): CryptoError {
  const message =
    `no renewer has said lately that this is the newest position of ${name}@${label}: ` +
    `see that the service renew runs, or run bulla trust renew`;
  return new CryptoError('trust_expired', message, { check: 'tag-fresh' });
}
