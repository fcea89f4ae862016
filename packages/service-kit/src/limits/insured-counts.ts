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
  take(bucket: Bucket, key: string, points: number): Promise<Taken> | Taken {
    const taken = this.#store.take(bucket, key, points);
    if (!(taken instanceof Promise)) return taken;
    return taken.catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error;
      return this.#insurance.take(bucket, key, points);
    });
  }
}
