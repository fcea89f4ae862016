import { Clock } from './clock.js';

/** A clock that a test sets; it stands still unless it is moved. */
export class TestClock extends Clock {
  #nowMs: number;

  /** @param nowMs milliseconds since 1970; the present unless given. */
  constructor(nowMs = Date.now()) {
    super();
    this.#nowMs = nowMs;
  }

  override nowMs(): number {
    return this.#nowMs;
  }

  override monotonicMs(): number {
    return this.#nowMs;
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}
