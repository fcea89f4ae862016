import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { Breaker } from './breaker.js';
import type { Clock } from '../process/clock.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import { isFlood, SharedStore, StoreError } from './shared-store.js';
import type { Bucket, StoreFault, Taken } from './shared-store.js';

const SHARED_STORE_BACK = new LogEvent('shared-store-back', 'info');
/** Limits are counted by each process for itself from now on, and nothing is cached. */
const SHARED_STORE_LOST = new LogEvent<{ errorCode: string }>('shared-store-lost', 'warn');

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user and password where it wants them. */
  readonly url: string;
  /** Before every key, such as `bulla:vault:`. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly log: EventLog;
  /** From a command to its answer; 200 ms unless given. */
  readonly commandTimeoutMs?: number;
  /** How long a Redis that failed is left alone; a second unless given. */
  readonly pauseMs?: number;
}

const COMMAND_TIMEOUT_MS = 200;
const PAUSE_MS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A connection that says nothing to a command for so long is made anew. */
const SILENCE_MAX_MS = 1_000;
const RECONNECT_MAX_MS = 2_000;
const READY_POLL_MS = 20;

/**
 * Redis through ioredis. A Redis that is away, hangs or is full costs one late command, then nothing for a second at a
 * time: callers get a {@link StoreError} at once and go on without it.
 */
export class RedisStore extends SharedStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #log: EventLog;
  readonly #breaker: Breaker;
  readonly #limiters = new Map<string, RateLimiterRedis>();

  /** Connects in the background, now and whenever the connection is lost. */
  constructor({ url, prefix, clock, log, ...times }: RedisStoreOptions) {
    super();
    this.#prefix = prefix;
    this.#log = log;
    this.#breaker = new Breaker(clock, times.pauseMs ?? PAUSE_MS);
    this.#redis = new Redis(url, {
      connectionName: prefix.replaceAll(':', '-').replace(/-$/, ''),
      commandTimeout: times.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MAX_MS,
      // A Redis that hangs does not return a goodbye.
      disconnectTimeout: 0,
      // What cannot be asked now is not asked: nobody waits for a Redis that is away.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, RECONNECT_MAX_MS),
    });
    // Without a listener each failed attempt would be printed; the first failed command says it in the log.
    this.#redis.on('error', () => {});
  }

  /** Resolves when it is connected, or after this long. @returns whether it is. */
  async whenReady(timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#redis.status !== 'ready' && performance.now() < deadlineMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, READY_POLL_MS);
      await promise;
    }
    return this.#redis.status === 'ready';
  }

  override take(bucket: Bucket, key: string, points: number): Promise<Taken> {
    return this.#ask(async () => {
      const limiter = this.#limiterOf(bucket);
      try {
        return takenOf(bucket, await limiter.consume(key, points));
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return takenOf(bucket, refusal, refusal.consumedPoints === 0);
        throw refusal;
      }
    });
  }

  override evicts(): Promise<boolean | undefined> {
    return this.#ask(async () => {
      // CONFIG is often forbidden where somebody else runs the Redis; INFO tells it as well.
      const policy = /^maxmemory_policy:([a-z-]+)/m.exec(await this.#redis.info('memory'))?.[1];
      return policy === undefined ? undefined : policy !== 'noeviction';
    });
  }

  override async close(): Promise<void> {
    this.#redis.disconnect();
  }

  /** Goes through the breaker; what went wrong is reported once, when it begins. */
  async #ask<Value>(command: () => Promise<Value>): Promise<Value> {
    if (!this.#breaker.tryPass()) throw new StoreError('store_unavailable');
    try {
      const value = await command();
      if (this.#breaker.broken) this.#log.write(SHARED_STORE_BACK);
      this.#breaker.succeeded();
      return value;
    } catch (error) {
      const code = faultOf(error);
      if (!this.#breaker.broken) this.#log.write(SHARED_STORE_LOST, { errorCode: code });
      this.#breaker.failed();
      throw new StoreError(code);
    }
  }

  #limiterOf(bucket: Bucket): RateLimiterRedis {
    const known = this.#limiters.get(bucket.name);
    if (known !== undefined) return known;
    const limiter = new RateLimiterRedis({
      storeClient: this.#redis,
      keyPrefix: `${this.#prefix}limit:${bucket.name}`,
      points: bucket.points,
      duration: bucket.windowSeconds,
      // Who floods is refused in this process until the window ends, and Redis hears no more of it.
      inMemoryBlockOnConsumed: 2 * bucket.points,
    });
    this.#limiters.set(bucket.name, limiter);
    return limiter;
  }
}

/** @param blocked it was refused without asking Redis, as after a flood. */
function takenOf(bucket: Bucket, result: RateLimiterRes, blocked = false): Taken {
  return {
    allowed: !blocked && result.consumedPoints <= bucket.points,
    remaining: result.remainingPoints,
    resetMs: result.msBeforeNext,
    flooded: blocked || isFlood(bucket, result.consumedPoints),
  };
}

/** The class of what ioredis says: its errors carry the command with its arguments, so they go no further. */
function faultOf(error: unknown): StoreFault {
  const message = error instanceof Error ? error.message : '';
  if (message === 'Command timed out') return 'store_late';
  if (message.startsWith('OOM ')) return 'store_full';
  return error instanceof Error && error.name === 'ReplyError' ? 'store_refused' : 'store_unavailable';
}
