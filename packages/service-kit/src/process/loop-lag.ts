const LOOK_INTERVAL_MS = 100;

/**
 * Whether this process cannot keep up: the event loop was late by more than the limit in two looks, one after the
 * other. One long stall is over when it can be seen; refusing the next request would help nobody.
 */
export class LoopLag {
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;
  #lookedMs = performance.now();
  #wasLate = false;
  #isLate = false;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS).unref();
  }

  get tooHigh(): boolean {
    return this.#wasLate && this.#isLate;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    this.#wasLate = this.#isLate;
    this.#isLate = nowMs - this.#lookedMs - LOOK_INTERVAL_MS > this.#limitMs;
    this.#lookedMs = nowMs;
  }
}
