import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../process/clock.js';

export interface PacedLookOptions {
  /** Looks once, for all who wait. */
  readonly look: () => Promise<void>;
  /** From the beginning of one look to that of the next, at least. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** Looks for something newer on behalf of all who ask: one look at a time, and no two begin within an interval. */
export class PacedLook {
  readonly #options: PacedLookOptions;
  /** The look at work, and the one after it that has not begun yet. */
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(options: PacedLookOptions) {
    this.#options = options;
  }

  /** The look at work, if one is: it may have read what was there before. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** A look that begins after the call, so that it finds what was there by then. Fails as the look does. */
  next(): Promise<void> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<void> {
    await this.#running?.catch(() => undefined);
    const { clock, intervalMs, look } = this.#options;
    const waitMs = this.#beganMs + intervalMs - clock.monotonicMs();
    if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
    this.#beganMs = clock.monotonicMs();
    this.#next = undefined;
    this.#running = look();
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }
}
