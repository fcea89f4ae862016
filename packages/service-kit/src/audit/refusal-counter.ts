import type { ProblemCode } from '@bulla/contract';
import type { Kysely } from 'kysely';
import { auditOfStrangers } from './audit-record.js';
import type { Clock } from '../process/clock.js';
import { databaseFault } from '../database/database-fault.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { LedgerTables } from './ledger-tables.js';
import type { AuditOutbox } from './outbox.js';

const REFUSALS_NOT_AUDITED = new LogEvent<{ count: number; errorCode: string }>('refusals-not-audited', 'error');

export interface RefusalCounterParts {
  readonly db: Kysely<LedgerTables>;
  readonly org: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly outbox: AuditOutbox;
}

/**
 * Refusals before anybody was authenticated: one audit row for each code and minute, with a count, so that junk
 * costs no row for each packet (protocol.md §8).
 */
export class RefusalCounter {
  readonly #db: Kysely<LedgerTables>;
  readonly #org: string;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #outbox: AuditOutbox;
  #minute = 0;
  #counts = new Map<ProblemCode, number>();

  /** @param org the organisation of the service itself: strangers belong to none. */
  constructor({ db, org, clock, log, outbox }: RefusalCounterParts) {
    this.#db = db;
    this.#org = org;
    this.#clock = clock;
    this.#log = log;
    this.#outbox = outbox;
  }

  /** Counts one; the codes are closed, so the memory is bounded. */
  count(code: ProblemCode): void {
    const minute = this.#currentMinute();
    if (minute !== this.#minute && this.#counts.size > 0) void this.flush();
    this.#minute = minute;
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  /** Writes the counts of a minute that is over; called by a timer. */
  async flushEnded(): Promise<void> {
    if (this.#currentMinute() !== this.#minute) await this.flush();
  }

  /** Writes what was counted. What cannot be written is said in the log, with its number. */
  async flush(): Promise<void> {
    const counts = this.#counts;
    if (counts.size === 0) return;
    this.#counts = new Map();
    const org = this.#org;
    const nowMs = this.#minute * 60_000;
    const rows = [...counts].map(([why, count]) => ({
      org,
      evidence: null,
      event: auditOfStrangers(org, { why, count }, nowMs),
    }));
    try {
      await this.#outbox.write(this.#db, ...rows);
    } catch (error) {
      const count = [...counts.values()].reduce((sum, one) => sum + one, 0);
      const errorCode = databaseFault(error)?.code ?? 'unknown';
      this.#log.write(REFUSALS_NOT_AUDITED, { count, errorCode });
    }
  }

  #currentMinute(): number {
    return Math.floor(this.#clock.now() / 60);
  }
}
