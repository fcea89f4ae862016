import type { Clock } from '../process/clock.js';
import { MemoryStore } from './memory-store.js';
import { StoreError } from './shared-store.js';
import type { Bucket, SharedStore, Taken } from './shared-store.js';

/** Limits that never vanish: while the shared store is away each process counts for itself (protocol.md §5). */
export class InsuredCounts {
  readonly #store: SharedStore;
  readonly #insurance: MemoryStore;

  constructor(store: SharedStore, clock: Clock) {
    this.#store = store;
    this.#insurance = new MemoryStore(clock);
  }

  /** As {@link SharedStore.take}, without its errors. */
  async take(bucket: Bucket, key: string, points: number): Promise<Taken> {
    try {
      return await this.#store.take(bucket, key, points);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return this.#insurance.take(bucket, key, points);
    }
  }
}
