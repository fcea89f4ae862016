import { Problem } from '@bulla/contract';
import { sql } from 'kysely';
import type { Clock } from '../process/clock.js';
import type { Database } from './database.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Metrics } from '../observe/metrics.js';

/** The clock of this process is so far from its database's that nothing is claimed and nothing is forgotten. */
const CLOCK_STOPS_CLAIMS = new LogEvent<{ driftMs: number }>('clock-stops-claims', 'error');
const CLOCK_AGREES_AGAIN = new LogEvent<{ driftMs: number }>('clock-agrees-again', 'info');

/** As far as one clock may be off, as signatures and envelopes are judged (protocol.md §6). */
const DRIFT_MAX_MS = 60_000;
const RETRY_AFTER_SECONDS = 5;

/** Milliseconds since 1970 by the clock of the database, at the moment at which a row comes to it. */
export const databaseMs = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::int8`;

/** Whole seconds since 1970 by the clock of the database, when a statement or its transaction began. */
export const databaseSeconds = sql<number>`floor(extract(epoch from now()))::int8`;

/**
 * Whether the clock of a process is no further from the database's than the skew. For statements that forget: one clock
 * that is wrong must not decide that the time of a nonce, a use or an answer is over.
 */
export function agreesWith(clock: Pick<Clock, 'machineMs'>) {
  return agreesWithMs(clock.machineMs());
}

/** The same for a moment of the machine's clock. */
export function agreesWithMs(machineMs: number) {
  return sql<boolean>`abs(extract(epoch from now()) * 1000 - ${machineMs}::float8) <= ${DRIFT_MAX_MS}::float8`;
}

export interface ClockDriftParts {
  readonly database: Pick<Database<unknown>, 'nowMs'>;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly metrics: Metrics;
}

/**
 * How far the clock of this process is from that of its database. What was used is remembered by the one and judged by
 * the other: while they are further apart than the skew, nothing is claimed and nothing is forgotten (protocol.md §6).
 */
export class ClockDrift {
  readonly #parts: ClockDriftParts;
  readonly #gauge;
  #isApart = false;

  constructor(parts: ClockDriftParts) {
    this.#parts = parts;
    const help = 'How far the clock of the process was from the one of its database when it was last compared';
    this.#gauge = parts.metrics.gauge('bulla_clock_drift_seconds', help, []);
  }

  /**
   * Compares the clocks on a round trip of its own.
   * @returns whether they are too far apart
   * @throws whatever the database says
   */
  async look(): Promise<boolean> {
    const { database, clock } = this.#parts;
    const askedMs = clock.machineMs();
    return this.note(askedMs, await database.nowMs());
  }

  /** Whether they were too far apart when they were last compared. */
  get isApart(): boolean {
    return this.#isApart;
  }

  /** @throws {Problem} overloaded if they were too far apart when they were last compared */
  requireAgreed(): void {
    if (this.#isApart) throw this.#tooFarApart();
  }

  /**
   * Compares the clocks by what a statement has brought along.
   * @param askedMs when the statement was sent, by the machine's clock.
   * @param theirsMs what the database's clock said then.
   * @throws {Problem} overloaded while they are too far apart
   */
  require(askedMs: number, theirsMs: number): void {
    if (this.note(askedMs, theirsMs)) throw this.#tooFarApart();
  }

  /**
   * The same, for a statement that has done its work, on condition that the clocks agree.
   * @returns whether they are too far apart
   */
  note(askedMs: number, theirsMs: number): boolean {
    const { clock, log } = this.#parts;
    // The database looked at its clock at some moment between the two looks at ours.
    const driftMs = Math.max(0, askedMs - theirsMs, theirsMs - clock.machineMs());
    this.#gauge.set(driftMs / 1000);
    const isApart = driftMs > DRIFT_MAX_MS;
    if (isApart !== this.#isApart) {
      this.#isApart = isApart;
      log.write(isApart ? CLOCK_STOPS_CLAIMS : CLOCK_AGREES_AGAIN, { driftMs: Math.round(driftMs) });
    }
    return isApart;
  }

  #tooFarApart(): Problem {
    this.#parts.metrics.overloads.inc({ why: 'clock' });
    const detail =
      'the clocks of this service and of its database are more than a minute apart: nothing may be used now';
    return new Problem('overloaded', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
}
