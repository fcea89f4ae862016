import type { Bucket } from './shared-store.js';

/**
 * How much one caller may ask of a service. Every request takes a point. What is long is read, hashed and checked for as
 * long: each 12 KiB of a body take a point more.
 */
export interface Rates {
  /** Points a second for one key. */
  readonly keyPerSecond: number;
  /** Points a second for all keys of one organisation. */
  readonly organisationPerSecond: number;
  /** A command sends a handful of requests at once and then nothing: both are averages over this window. */
  readonly windowSeconds: number;
  /** Signatures that fail, a second from one address; above, its requests are verified one at a time. */
  readonly failuresPerSecond: number;
}

export const RATES: Rates = {
  keyPerSecond: 100,
  organisationPerSecond: 1_000,
  windowSeconds: 6,
  failuresPerSecond: 20,
};

const BYTES_PER_POINT = 12 * 1024;
/** A refusal changes nothing for who asks, and costs an operation with our private key. */
const REQUESTS_PER_SIGNED_REFUSAL = 10;

/** Points that are to be taken, and whose. */
export interface Charge {
  readonly bucket: Bucket;
  readonly points: number;
  readonly of: 'key' | 'org';
}

/** The buckets of callers, by how much they may ask; made once, since each request asks two of them. */
export class CallerBuckets {
  readonly #key: Bucket;
  readonly #organisation: Bucket;
  /** Good signatures of one key whose refusal is signed although they take no points. */
  readonly refusals: Bucket;

  constructor({ keyPerSecond, organisationPerSecond, windowSeconds }: Rates) {
    this.#key = bucketOf('key', keyPerSecond, windowSeconds);
    this.#organisation = bucketOf('organisation', organisationPerSecond, windowSeconds);
    this.refusals = bucketOf('refusals', Math.max(1, keyPerSecond / REQUESTS_PER_SIGNED_REFUSAL), windowSeconds);
  }

  /**
   * Which points a request takes, and of which buckets: in this order, so that who is refused by one empties no other.
   * The largest body takes all that a bucket has at most, and not more: it can be sent where little may be.
   * @param bodyBytes length of its body
   */
  chargesOf(bodyBytes: number): readonly Charge[] {
    return this.pointsOf(1 + Math.floor(bodyBytes / BYTES_PER_POINT));
  }

  /** So many points of the buckets of a key and of its organisation, or all that one of them has at most. */
  pointsOf(points: number): readonly Charge[] {
    const [key, organisation] = [this.#key, this.#organisation];
    return [
      { bucket: key, points: Math.min(points, key.points), of: 'key' },
      { bucket: organisation, points: Math.min(points, organisation.points), of: 'org' },
    ];
  }
}

/** Failing signatures of one address. */
export function failuresBucket({ failuresPerSecond }: Rates): Bucket {
  return bucketOf('failures', failuresPerSecond, 1);
}

function bucketOf(name: string, perSecond: number, windowSeconds: number): Bucket {
  return { name, points: Math.ceil(perSecond * windowSeconds), windowSeconds };
}
