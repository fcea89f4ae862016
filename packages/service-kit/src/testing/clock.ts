import { Clock } from '../process/clock.js';

/** A clock that a test sets; it stands still unless it is moved. */
export class TestClock extends Clock {
  #nowMs: number;
  #driftMs = 0;

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

  override machineMs(): number {
    return super.machineMs() + this.#driftMs;
  }

  /** From now on the clock of the machine is so far ahead; what tokens are judged by stays as it is. */
  drift(seconds: number): void {
    this.#driftMs = seconds * 1000;
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}
