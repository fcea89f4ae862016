import type { Clock } from '../process/clock.js';
import { isFlood, SharedStore } from './shared-store.js';
import type { Bucket, Taken } from './shared-store.js';

const COUNTS_MAX = 50_000;

interface Count {
  consumed: number;
  readonly endMs: number;
}

/**
 * The memory of one process: all there is without a Redis, and the insurance while Redis is away. It is bounded, since
 * strangers choose their addresses: when there are too many counts of one sort, the oldest of that sort goes.
 */
export class MemoryStore extends SharedStore {
  readonly #clock: Clock;
  readonly #countsMax: number;
  /** By bucket, then by key. All windows of a bucket are of one length, so the oldest count is the first to be over. */
  readonly #counts = new Map<string, Map<string, Count>>();

  /** @param countsMax how many are remembered of one sort. */
  constructor(clock: Clock, countsMax = COUNTS_MAX) {
    super();
    this.#clock = clock;
    this.#countsMax = countsMax;
  }

  override take(bucket: Bucket, key: string, points: number): Taken {
    const nowMs = this.#clock.monotonicMs();
    const count = this.#countOf(bucket, key, nowMs);
    count.consumed += points;
    return {
      allowed: count.consumed <= bucket.points,
      remaining: Math.max(0, bucket.points - count.consumed),
      resetMs: count.endMs - nowMs,
      flooded: isFlood(bucket, count.consumed),
    };
  }

  override async evicts(): Promise<boolean> {
    return false;
  }

  override async close(): Promise<void> {
    this.#counts.clear();
  }

  #countOf(bucket: Bucket, key: string, nowMs: number): Count {
    const counts = this.#counts.get(bucket.name) ?? new Map<string, Count>();
    this.#counts.set(bucket.name, counts);
    const found = counts.get(key);
    if (found !== undefined && found.endMs > nowMs) return found;
    // Taken out first: a map would keep the old place of a key that is set again.
    counts.delete(key);
    for (const [oldest, { endMs }] of counts) {
      if (endMs > nowMs && counts.size < this.#countsMax) break;
      counts.delete(oldest);
    }
    const count = { consumed: 0, endMs: nowMs + bucket.windowSeconds * 1000 };
    counts.set(key, count);
    return count;
  }
}
