import type { Bytes } from '@bulla/crypto';
import type { Clock } from './clock.js';
import { isFlood, SharedStore } from './shared-store.js';
import type { Bucket, Taken } from './shared-store.js';

const COUNTS_MAX = 50_000;
const VALUES_BYTES_MAX = 16_777_216;

interface Count {
  consumed: number;
  readonly endMs: number;
}

interface Value {
  readonly bytes: Bytes;
  readonly endMs: number;
}

export interface MemoryBounds {
  /** How many buckets are remembered. */
  readonly countsMax?: number;
  /** Of all values together. */
  readonly valuesBytesMax?: number;
}

/**
 * The memory of one process: all there is without a Redis, and the insurance while Redis is away. It is bounded, since
 * strangers choose their addresses: when it is full the oldest goes.
 */
export class MemoryStore extends SharedStore {
  readonly #clock: Clock;
  readonly #countsMax: number;
  readonly #valuesBytesMax: number;
  readonly #counts = new Map<string, Count>();
  readonly #values = new Map<string, Value>();
  #valuesBytes = 0;

  constructor(clock: Clock, { countsMax = COUNTS_MAX, valuesBytesMax = VALUES_BYTES_MAX }: MemoryBounds = {}) {
    super();
    this.#clock = clock;
    this.#countsMax = countsMax;
    this.#valuesBytesMax = valuesBytesMax;
  }

  override async take(bucket: Bucket, key: string, points: number): Promise<Taken> {
    const nowMs = this.#clock.monotonicMs();
    const name = `${bucket.name}:${key}`;
    let count = this.#counts.get(name);
    if (count === undefined || count.endMs <= nowMs) {
      count = { consumed: 0, endMs: nowMs + bucket.windowSeconds * 1000 };
      // Taken out first: a map keeps the place of a key that is set again, and the oldest are dropped.
      this.#counts.delete(name);
      this.#makeRoomForCount(nowMs);
      this.#counts.set(name, count);
    }
    count.consumed += points;
    return {
      allowed: count.consumed <= bucket.points,
      remaining: Math.max(0, bucket.points - count.consumed),
      resetMs: count.endMs - nowMs,
      flooded: isFlood(bucket, count.consumed),
    };
  }

  override async get(key: string): Promise<Bytes | undefined> {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (value.endMs > this.#clock.monotonicMs()) return value.bytes;
    this.#drop(key);
    return undefined;
  }

  override async set(key: string, bytes: Bytes, ttlSeconds: number): Promise<void> {
    this.#drop(key);
    if (bytes.length > this.#valuesBytesMax) return;
    for (const oldest of this.#values.keys()) {
      if (this.#valuesBytes + bytes.length <= this.#valuesBytesMax) break;
      this.#drop(oldest);
    }
    this.#values.set(key, { bytes, endMs: this.#clock.monotonicMs() + ttlSeconds * 1000 });
    this.#valuesBytes += bytes.length;
  }

  override async delete(key: string): Promise<void> {
    this.#drop(key);
  }

  override async evicts(): Promise<boolean> {
    return false;
  }

  override async close(): Promise<void> {
    this.#counts.clear();
    this.#values.clear();
    this.#valuesBytes = 0;
  }

  /** What is over goes first; windows differ in length, so all are looked at, but only when the map is full. */
  #makeRoomForCount(nowMs: number): void {
    if (this.#counts.size < this.#countsMax) return;
    for (const [name, { endMs }] of this.#counts) if (endMs <= nowMs) this.#counts.delete(name);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size < this.#countsMax) break;
      this.#counts.delete(oldest);
    }
  }

  #drop(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#valuesBytes -= value.bytes.length;
  }
}
