import { Problem } from '@bulla/contract';
import type { Signatory } from '../authentication/caller.js';
import type { InsuredCounts } from './insured-counts.js';
import type { Metrics } from '../observe/metrics.js';
import { CallerBuckets } from './rates.js';
import type { Charge, Rates } from './rates.js';
import type { Bucket, Taken } from './shared-store.js';

/** Why a caller has to wait, and what the answer says about it. */
export interface Limited {
  readonly problem: Problem;
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11). */
  readonly fields: Readonly<Record<string, string>>;
  /** They were told before and go on: from here on nothing more is spent on them. */
  readonly flooded: boolean;
}

/** The buckets of keys and organisations, which are asked once it is certain whose signature it is (protocol.md §5). */
export class RateLimits {
  readonly #counts: InsuredCounts;
  readonly #buckets: CallerBuckets;
  readonly #metrics: Metrics;

  constructor(counts: InsuredCounts, rates: Rates, metrics: Metrics) {
    this.#counts = counts;
    this.#buckets = new CallerBuckets(rates);
    this.#metrics = metrics;
  }

  /**
   * Takes the points of a request.
   * @param bodyBytes length of its body
   * @returns why it has to wait, if it has to.
   */
  take(signatory: Signatory, bodyBytes: number): Promise<Limited | undefined> {
    // guard: limit-bytes without: return this.#takeAll(signatory, this.#buckets.chargesOf(0 * bodyBytes));
    return this.#takeAll(signatory, this.#buckets.chargesOf(bodyBytes));
  }

  /**
   * Takes the points of what a request allows its caller to do later, beyond its own.
   * @throws {Problem} rate_limited
   */
  async charge(signatory: Signatory, points: number): Promise<void> {
    const refused = points < 1 ? undefined : await this.#takeAll(signatory, this.#buckets.pointsOf(points));
    if (refused !== undefined) throw refused.problem;
  }

  async #takeAll({ org, kid }: Signatory, charges: readonly Charge[]): Promise<Limited | undefined> {
    for (const { bucket, points, of } of charges) {
      // guard: limit-others without: const asked = this.#counts.take(bucket, 'all', points);
      // guard: limit-organisation without: const asked = this.#counts.take(bucket, `${org}:${kid}`, points);
      const asked = this.#counts.take(bucket, of === 'key' ? `${org}:${kid}` : org, points);
      const taken = asked instanceof Promise ? await asked : asked;
      // guard: limit-keys without: continue;
      if (taken.allowed) continue;
      this.#metrics.rateLimitRejections.inc({ kind: bucket.name });
      return limited(bucket, taken);
    }
    return undefined;
  }

  /**
   * Whether a private key may sign the refusal of a good signature that is not of now. It takes no
   * points: an attacker who kept an old request could use up the points of its signer.
   */
  async maySignRefusal(org: string, kid: string): Promise<boolean> {
    const { allowed } = await this.#counts.take(this.#buckets.refusals, `${org}:${kid}`, 1);
    if (!allowed) this.#metrics.rateLimitRejections.inc({ kind: 'refusals' });
    return allowed;
  }
}

function limited(bucket: Bucket, { remaining, resetMs, flooded }: Taken): Limited {
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  const whose = bucket.name === 'organisation' ? 'the organisation' : 'this key';
  const detail = `requests of ${whose} are limited`;
  return {
    problem: new Problem('rate_limited', { detail, retryAfterSeconds: seconds }),
    fields: {
      'ratelimit-policy': `"${bucket.name}";q=${bucket.points};w=${bucket.windowSeconds}`,
      ratelimit: `"${bucket.name}";r=${remaining};t=${seconds}`,
    },
    flooded,
  };
}
