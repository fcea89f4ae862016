import { Problem } from '@bulla/contract';
import type { Metrics } from '../observe/metrics.js';
import type { Clock } from '../process/clock.js';
import type { Waiting } from './log.repository.js';

/** Decisions that may wait at most before nothing new is decided. */
const ROWS_MAX = 100_000;
const RETRY_AFTER_SECONDS = 5;

export interface AuditLagParts {
  /** How old the oldest decision that waits may be. */
  readonly secondsMax: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly metrics: Metrics;
}

/**
 * How far the log of each organisation is behind. Where it is too far nothing is done that the log has to tell: else a
 * log that nobody writes any more would go unnoticed (protocol.md §8).
 */
export class AuditLag {
  readonly #secondsMax: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #metrics: Metrics;
  readonly #rows;
  readonly #seconds;
  #waiting: ReadonlyMap<string, Waiting> = new Map();
  /** Since when nobody here can tell what waits; undefined while somebody can. */
  #blindSinceMs: number | undefined;
  /** Since when something has waited at every look. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor({ secondsMax, clock, metrics }: AuditLagParts) {
    this.#secondsMax = secondsMax;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#rows = metrics.gauge('bulla_audit_waiting_rows', 'Decisions that wait to come into the audit log', []);
    this.#seconds = metrics.gauge('bulla_audit_lag_seconds', 'Age of the oldest decision that waits', []);
  }

  /** Takes note of what waits now; every process looks for itself. */
  note(waiting: readonly Waiting[]): void {
    const nowMs = this.#clock.monotonicMs();
    this.#since = new Map(waiting.map(({ org }) => [org, this.#since.get(org) ?? nowMs]));
    // What the clock of the database says of an age is no news of the log where that clock has jumped.
    const ageOf = ({ org, seconds }: Waiting) => Math.min(seconds, (nowMs - (this.#since.get(org) ?? nowMs)) / 1000);
    const aged = waiting.map((one) => ({ ...one, seconds: ageOf(one) }));
    this.#waiting = new Map(aged.map((one) => [one.org, one]));
    this.#blindSinceMs = undefined;
    this.#rows.set(aged.reduce((sum, { rows }) => sum + rows, 0));
    this.#seconds.set(Math.max(0, ...aged.map(({ seconds }) => seconds)));
  }

  /** Takes note that what waits could not be read. What goes on to be so is as bad as a log that is not written. */
  noteBlind(): void {
    this.#blindSinceMs ??= this.#clock.monotonicMs();
    this.#seconds.set(this.#blindSeconds());
  }

  /** @throws {Problem} overloaded while the log of this organisation is too far behind, or nobody knows whether it is */
  require(org: string): void {
    const { rows, seconds } = this.#waiting.get(org) ?? { rows: 0, seconds: 0 };
    // guard: audit-lag-blind without: const oldest = seconds;
    const oldest = Math.max(seconds, this.#blindSeconds());
    // guard: audit-lag without: if (rows >= 0) return;
    if (rows <= ROWS_MAX && oldest <= this.#secondsMax) return;
    this.#metrics.overloads.inc({ why: 'audit' });
    const detail = 'the audit log is behind: nothing is done that it could not tell';
    throw new Problem('overloaded', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  #blindSeconds(): number {
    return this.#blindSinceMs === undefined ? 0 : (this.#clock.monotonicMs() - this.#blindSinceMs) / 1000;
  }
}
