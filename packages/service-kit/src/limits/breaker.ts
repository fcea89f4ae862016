import type { Clock } from '../process/clock.js';

/**
 * Keeps callers away from what does not work: after a failure one of them tries again once a pause is over, and only
 * when that went well do the others follow.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #retryAtMs: number | undefined;

  constructor(clock: Clock, pauseMs: number) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  get broken(): boolean {
    return this.#retryAtMs !== undefined;
  }

  /** Whether to try. A caller who gets true reports what came of it. */
  tryPass(): boolean {
    if (this.#retryAtMs === undefined) return true;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#retryAtMs) return false;
    this.#retryAtMs = nowMs + this.#pauseMs;
    return true;
  }

  succeeded(): void {
    this.#retryAtMs = undefined;
  }

  failed(): void {
    this.#retryAtMs = this.#clock.monotonicMs() + this.#pauseMs;
  }
}
