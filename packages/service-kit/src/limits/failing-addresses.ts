import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Clock } from '../process/clock.js';
import type { InsuredCounts } from './insured-counts.js';
import type { Metrics } from '../observe/metrics.js';
import type { Place } from '../edge/places.js';
import { failuresBucket } from './rates.js';
import type { Rates } from './rates.js';

/** So many addresses may be slow at once; the oldest is let off when there are more. */
const SLOW_MAX = 10_000;

type Rests = Pick<Place, 'rest' | 'resume'>;

interface Lane {
  readonly endMs: number;
  /** Ends when the verification before has. */
  tail: Promise<void>;
}

/**
 * Addresses from which signatures fail. Above the limit their requests are verified one at a time, so that a flood of
 * bad signatures takes one place among the verifications; a good one waits its turn and is never refused for its
 * address, which others may share (protocol.md §5).
 */
export class FailingAddresses {
  readonly #counts: InsuredCounts;
  readonly #rates: Rates;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #slow = new Map<string, Lane>();

  constructor(counts: InsuredCounts, rates: Rates, clock: Clock, metrics: Metrics) {
    this.#counts = counts;
    this.#rates = rates;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /**
   * Verifies at once, or when it is the turn of this address.
   * @param place of the request, left to others meanwhile: an address that floods would wait in all of them.
   */
  verify<Value>(address: string, place: Rests | undefined, verification: () => Promise<Value>): Promise<Value> {
    const lane = this.#slow.size === 0 ? undefined : this.#laneOf(keyOfAddress(address));
    // guard: failing-lane without: return verification();
    return lane === undefined ? verification() : inTurn(lane, place, verification);
  }

  /** Counts a request whose caller was not established. Never rejects. */
  async count(address: string): Promise<void> {
    const key = keyOfAddress(address);
    // It is slow already until the window ends: a flood costs the shared store no more than its limit.
    if (this.#laneOf(key) !== undefined) return;
    const { allowed, resetMs } = await this.#counts.take(failuresBucket(this.#rates), key, 1);
    if (allowed || this.#laneOf(key) !== undefined) return;
    this.#metrics.rateLimitRejections.inc({ kind: 'failures' });
    this.#makeRoom();
    this.#slow.set(key, { endMs: this.#clock.monotonicMs() + resetMs, tail: Promise.resolve() });
  }

  #laneOf(key: string): Lane | undefined {
    const lane = this.#slow.get(key);
    if (lane === undefined || lane.endMs > this.#clock.monotonicMs()) return lane;
    this.#slow.delete(key);
    return undefined;
  }

  /** The oldest is the first to be over: no window is longer than another. */
  #makeRoom(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, { endMs }] of this.#slow) {
      if (endMs > nowMs && this.#slow.size < SLOW_MAX) break;
      this.#slow.delete(oldest);
    }
  }
}

async function inTurn<Value>(lane: Lane, place: Rests | undefined, verification: () => Promise<Value>): Promise<Value> {
  const before = lane.tail;
  const { promise, resolve } = Promise.withResolvers<void>();
  lane.tail = promise;
  try {
    // guard: failing-lane-rests
    place?.rest();
    await before;
    await place?.resume();
    return await verification();
  } finally {
    resolve();
  }
}

/**
 * The key of an address: of IPv6 the first 64 bits, which one subscriber has to themselves. Hashed, so that no address
 * stands in the shared store; who guesses can still test one, within the second that the count lives.
 */
export function keyOfAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const network = mapped ?? (isIPv6(address) ? firstGroups(address, 4) : address);
  return createHash('sha256').update(network).digest('base64url').slice(0, 22);
}

/** The first 16-bit groups of an IPv6 address, whatever way it is written. */
function firstGroups(address: string, count: number): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  // A dotted end stands for two groups, but those are never among the first four.
  const missing = Math.max(0, 8 - before.length - after.length);
  const all = tail === undefined ? before : [...before, ...Array<string>(missing).fill('0'), ...after];
  return all
    .slice(0, count)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
