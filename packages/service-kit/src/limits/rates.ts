import type { RouteName } from '@bulla/contract';
import type { Bucket } from './shared-store.js';

/**
 * How much one caller may ask of a service. A point is one operation with a private RSA key, which is what a request
 * costs beside its signature: to answer, or to issue an envelope, takes one; a run takes three. What is long is read,
 * hashed and checked for as long: each 128 KiB of a body take a point more.
 */
export interface Rates {
  /** Points a second for one key. */
  readonly keyPerSecond: number;
  /** Points a second for all keys of one organisation. */
  readonly organisationPerSecond: number;
  /** Envelopes a minute for one key. */
  readonly envelopesPerMinute: number;
  /** Signatures that fail, a second from one address; above, its requests are verified one at a time. */
  readonly failuresPerSecond: number;
}

export const RATES: Rates = {
  keyPerSecond: 10,
  organisationPerSecond: 200,
  envelopesPerMinute: 60,
  failuresPerSecond: 20,
};

/** A person's command sends a handful of requests at once and then nothing: the rate is an average over this window. */
const WINDOW_SECONDS = 6;
const RUN_POINTS = 3;
const BYTES_PER_POINT = 128 * 1024;

/**
 * Which points a request takes, and of which buckets: in this order, so that who is refused by one empties no other.
 * The largest body takes all that a bucket has at most, and not more: it can be sent where little may be.
 * @param bodyBytes length of its body
 */
export function chargesOf(
  route: RouteName,
  rates: Rates,
  bodyBytes: number,
): readonly { bucket: Bucket; points: number; of: 'key' | 'org' }[] {
  const points = (route === 'invocation.run' ? RUN_POINTS : 1) + Math.floor(bodyBytes / BYTES_PER_POINT);
  const key = bucketOf('key', rates.keyPerSecond, WINDOW_SECONDS);
  const organisation = bucketOf('organisation', rates.organisationPerSecond, WINDOW_SECONDS);
  return [
    { bucket: key, points: Math.min(points, key.points), of: 'key' },
    ...(route === 'envelope.issue'
      ? [
          {
            bucket: { name: 'envelopes', points: rates.envelopesPerMinute, windowSeconds: 60 },
            points: 1,
            of: 'key',
          } as const,
        ]
      : []),
    { bucket: organisation, points: Math.min(points, organisation.points), of: 'org' },
  ];
}

/** Good signatures of one key whose refusal is signed although they take no points. */
export function refusalsBucket({ keyPerSecond }: Rates): Bucket {
  return bucketOf('refusals', keyPerSecond, WINDOW_SECONDS);
}

/** Failing signatures of one address. */
export function failuresBucket({ failuresPerSecond }: Rates): Bucket {
  return bucketOf('failures', failuresPerSecond, 1);
}

function bucketOf(name: string, perSecond: number, windowSeconds: number): Bucket {
  return { name, points: perSecond * windowSeconds, windowSeconds };
}
