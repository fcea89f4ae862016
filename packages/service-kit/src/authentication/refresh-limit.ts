import type { Clock } from '../process/clock.js';

/** Lets one attempt per key through in each interval, for all callers together. Keys are our organisations, so few. */
export class RefreshLimit {
  readonly #lastMs = new Map<string, number>();
  readonly #clock: Clock;
  readonly #intervalMs: number;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  tryAcquire(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const lastMs = this.#lastMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return false;
    this.#lastMs.set(key, nowMs);
    return true;
  }
}
