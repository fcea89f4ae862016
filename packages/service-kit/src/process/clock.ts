import { performance } from 'node:perf_hooks';

/** The time of one process: the wall clock judges tokens, the monotonic clock measures durations. */
export class Clock {
  /** NumericDate: whole seconds since 1970 (RFC 7519 §2). */
  now(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  /** Milliseconds since 1970. */
  nowMs(): number {
    return this.machineMs();
  }

  /** The same, to be compared with the clock of another machine: a test that moves time on moves no database. */
  machineMs(): number {
    return Date.now();
  }

  /** Milliseconds since some moment before; never goes back when somebody sets the clock. */
  monotonicMs(): number {
    return performance.now();
  }
}
