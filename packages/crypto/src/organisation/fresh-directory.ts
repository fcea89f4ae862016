import type { DirectoryDocument } from './directory.js';
import { secondsOf } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';
import type { FreshnessJudge } from './freshness.js';
import { sortWords, tellingOf, verifyDirectoryFreshness } from './freshness.js';
import type { PolicyDocument } from './policy.js';
import { freshSecondsOf } from './policy.js';

/** How fresh a directory is. */
export interface DirectoryFreshness {
  /** Seconds: from then on nobody has called it the newest. */
  readonly until: number;
  /** Seconds: the newest moment at which the organisation signed something of it. */
  readonly clock: number;
  /** Words of renewers for it that are good, the newest first. */
  readonly fresh: readonly string[];
  /** Why others were passed over. */
  readonly passedOver: readonly CryptoError[];
}

/** A trust that was judged before. */
type JudgedTrust = FreshnessJudge & { readonly freshness: DirectoryFreshness };

/**
 * How fresh a directory is by itself and by what renewers say; bad words are skipped. Its clock runs on from the
 * one that the trust has.
 * @param now seconds
 */
export async function judgeDirectory(
  trust: JudgedTrust,
  tokens: readonly string[],
  now: number,
): Promise<DirectoryFreshness> {
  const { good, passedOver } = await sortWords(tokens, (token) => verifyDirectoryFreshness(token, trust, now));
  return {
    until: Math.max(byItself(trust.directory, trust.policy).until, ...good.map(({ until }) => until)),
    clock: Math.max(trust.freshness.clock, ...good.map(({ claims }) => claims.iat)),
    fresh: Object.freeze(good.map(({ token }) => token)),
    passedOver: Object.freeze(passedOver),
  };
}

/** How fresh a directory is before any renewer was heard. */
export function byItself({ issued }: DirectoryDocument, policy: PolicyDocument): DirectoryFreshness {
  const clock = secondsOf(issued);
  return { until: clock + freshSecondsOf(policy), clock, fresh: [], passedOver: [] };
}

/** Why a directory counts no longer, and what ends that. */
export function notFresh({ freshness: { passedOver } }: Pick<JudgedTrust, 'freshness'>): CryptoError {
  const said = passedOver.some(({ check }) => check === 'fresh-newer')
    ? 'renewers have a newer directory than this one'
    : 'no renewer has said lately that this directory is the newest';
  const message = `${said}: see that the service renew runs, or run bulla trust renew`;
  return (
    tellingOf(passedOver.filter(({ check }) => check !== 'fresh-newer')) ??
    new CryptoError('trust_expired', message, { check: 'directory-fresh' })
  );
}
