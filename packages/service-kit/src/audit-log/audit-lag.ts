import { Problem } from '@bulla/contract';
import type { AcknowledgedLeaves } from '../audit/acknowledged-leaves.js';
import type { AuditRow } from '../audit/audit-row.js';
import type { Metrics } from '../observe/metrics.js';
import type { Clock } from '../process/clock.js';
import type { Waiting } from './waiting.js';

/** Decisions that may wait at most before nothing new is decided. */
const ROWS_MAX = 100_000;
const RETRY_AFTER_SECONDS = 5;

/** What ends a loss: documents that list the next key, what a database lost, and rows that nobody can check. */
const CURES = new Set([
  'organisation.create',
  'root.publish',
  'policy.publish',
  'directory.publish',
  'organisation.handback',
  'label.handback',
  'organisation.resume',
  'audit.set-aside',
]);
/** Of these so many are let through at most while a log is lost. */
const COUNTED = new Set(['organisation.handback', 'label.handback', 'organisation.resume']);
const LET_MAX = 1_000;
/** What a directory that is published takes away with it. */
const BESIDE = new Set(['wrap.delete']);
/** The text of a leaf that says what was done, and not that it was refused (contract, `encodeLeaf`). */
const DONE = /^\{"v":1,"id":"[^"]*","t":"[^"]*","org":"[^"]*","act":"([^"]*)","res":"ok"/;

const LOST =
  'the audit log is lost: hand back first what a restored database lacks (bulla trust hand-back), then begin the next log (bulla trust renew --begin-logs)';

export interface AuditLagParts {
  /** How old the oldest decision that waits may be. */
  readonly secondsMax: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly metrics: Metrics;
  /** What this process told callers. */
  readonly leaves?: Pick<AcknowledgedLeaves, 'require'>;
}

/**
 * How far the log of each organisation is behind. Where it is too far nothing is done that the log has to tell: else a
 * log that nobody writes any more would go unnoticed (protocol.md §8).
 */
export class AuditLag {
  readonly #secondsMax: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #metrics: Metrics;
  readonly #leaves: Pick<AcknowledgedLeaves, 'require'> | undefined;
  readonly #rows;
  readonly #seconds;
  #waiting: ReadonlyMap<string, Waiting> = new Map();
  /** Since when nobody here can tell what waits; undefined while somebody can. */
  #blindSinceMs: number | undefined;
  /** Those whose log is lost, as this process found it. */
  readonly #lost = new Set<string>();
  /** How many rows were written while it was. */
  readonly #let = new Map<string, number>();
  /** Since when something has waited at every look. */
  #since: ReadonlyMap<string, number> = new Map();

  constructor({ secondsMax, clock, metrics, leaves }: AuditLagParts) {
    this.#leaves = leaves;
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

  /** Takes note of whether the log of an organisation is lost, as this process found it. */
  noteLost(org: string, isLost: boolean): void {
    if (isLost) this.#lost.add(org);
    else this.#lost.delete(org);
    if (!this.#isClosed(org)) this.#let.delete(org);
  }

  /**
   * The one question before anything is decided for an organisation.
   * @param act what is asked for: what ends a loss is done although the log is lost.
   * @throws {Problem} overloaded while its log is lost, is too far behind, or nobody knows whether it is
   */
  require(org: string, act = ''): void {
    const isClosed = this.#isClosed(org);
    // guard: lost-cure
    if (CURES.has(act) && !(isClosed && this.#isMany(org, act))) return;
    // guard: audit-lag
    if (isClosed) {
      this.#metrics.overloads.inc({ why: 'audit' });
      throw refused(this.#lost.has(org) ? LOST : 'the audit log is behind: nothing is done that it could not tell');
    }
    this.#leaves?.require(org);
  }

  /** @throws {Problem} overloaded for a row that says something else than a cure, while the log is lost: no row is written */
  requireRow({ org, event }: Pick<AuditRow, 'org' | 'event'>): void {
    if (!this.#isClosed(org)) return;
    const [, act = ''] = DONE.exec(event) ?? [];
    // guard: lost-row without: const mayBe = true;
    const mayBe = CURES.has(act) || BESIDE.has(act);
    if (!mayBe) throw refused(LOST);
    if (COUNTED.has(act)) this.#let.set(org, (this.#let.get(org) ?? 0) + 1);
  }

  /** Whether as many of these wait as may. */
  #isMany(org: string, act: string): boolean {
    // guard: lost-few without: return false;
    return COUNTED.has(act) && (this.#let.get(org) ?? 0) >= LET_MAX;
  }

  /** Whether nothing but what ends it is done for an organisation. */
  #isClosed(org: string): boolean {
    const { rows, seconds } = this.#waiting.get(org) ?? { rows: 0, seconds: 0 };
    // guard: audit-lag-blind without: const oldest = seconds;
    const oldest = Math.max(seconds, this.#blindSeconds());
    // guard: log-lost-closed without: return rows > ROWS_MAX || oldest > this.#secondsMax;
    return this.#lost.has(org) || rows > ROWS_MAX || oldest > this.#secondsMax;
  }

  #blindSeconds(): number {
    return this.#blindSinceMs === undefined ? 0 : (this.#clock.monotonicMs() - this.#blindSinceMs) / 1000;
  }
}

function refused(detail: string): Problem {
  return new Problem('overloaded', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
