/** Points that may be taken in one window of time; the window begins with the first that is taken. */
export interface Bucket {
  /** Lower-case words with hyphens: part of the key, and of what callers are told. */
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
}

/** What came of taking points. A refused try counts too: who goes on asking does not get through sooner. */
export interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the window ends and all points are there again. */
  readonly resetMs: number;
  /** More than twice the points were asked for in this window. */
  readonly flooded: boolean;
}

/** Why a store did not do it: it is not there, did not answer in time, has no room, or does not let us. */
export type StoreFault = 'store_unavailable' | 'store_late' | 'store_full' | 'store_refused';

/** Trouble of a store, by its class only: what drivers say may quote keys and values. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreFault;

  constructor(code: StoreFault) {
    super(code);
    this.code = code;
  }
}

/**
 * What the processes of one service share beside their database: counts of requests. Nothing whose loss matters,
 * nothing secret: its operator may empty, read and change it. Contents and documents are not copied into
 * it (docs/decisions/2026-11-25-no-copies-in-redis.md).
 * A port because two exist: Redis, and the memory of one process.
 */
export abstract class SharedStore {
  /**
   * Takes points of a bucket.
   * @param key whose bucket: ids of the signed directory, or a hash.
   * @returns a promise where somebody else is asked.
   * @throws {StoreError}
   */
  abstract take(bucket: Bucket, key: string, points: number): Promise<Taken> | Taken;

  /**
   * Whether it drops keys before their time when memory is short: limits would be forgotten under load.
   * @returns undefined if it does not say.
   * @throws {StoreError}
   */
  abstract evicts(): Promise<boolean | undefined>;

  abstract close(): Promise<void>;
}

/** Asked for more than twice what there was. */
export function isFlood(bucket: Bucket, consumed: number): boolean {
  return consumed > 2 * bucket.points;
}
