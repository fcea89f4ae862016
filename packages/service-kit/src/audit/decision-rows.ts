import { Problem } from '@bulla/contract';
import type { Kysely } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { notWritten } from '../edge/problem-of.js';
import type { Clock } from '../process/clock.js';
import type { AuditEntry } from './audit-record.js';
import { auditOfAct, auditOfRefusal, evidenceOf } from './audit-record.js';
import type { LedgerTables } from './ledger-tables.js';
import type { AuditOutbox } from './outbox.js';
import type { SealedRow } from './audit-row.js';
import { insertSealed } from './outbox.js';

/** Writes the rows of one decision, and knows afterwards which they were. */
export class DecisionRows {
  readonly #outbox: AuditOutbox;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #caller: Signatory;
  readonly #written: SealedRow[] = [];

  constructor(outbox: AuditOutbox, clock: Pick<Clock, 'nowMs'>, caller: Signatory) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#caller = caller;
  }

  /** Those that are there once their transaction is committed. */
  get written(): readonly SealedRow[] {
    return this.#written;
  }

  /** The row of an act, for a statement that writes it. @throws as AuditOutbox.seal */
  seal(entry: AuditEntry): SealedRow {
    return this.#sealed(auditOfAct(this.#caller, entry, this.#clock.nowMs()));
  }

  /** Writes the row of an act. Without it there is no effect, whatever the database has against it. */
  async act(db: Kysely<LedgerTables>, entry: AuditEntry): Promise<void> {
    await this.#write(db, auditOfAct(this.#caller, entry, this.#clock.nowMs()));
  }

  /** Writes the row of a refusal. @returns the problem that it is refused with */
  async refusal(db: Kysely<LedgerTables>, problem: Problem): Promise<Problem> {
    await this.#write(db, auditOfRefusal(this.#caller, problem, this.#clock.nowMs()));
    return problem;
  }

  /** A savepoint took back all that was written. */
  takeBack(): void {
    this.#written.length = 0;
  }

  async #write(db: Kysely<LedgerTables>, event: string): Promise<void> {
    const row = this.#sealed(event);
    try {
      await insertSealed(db, [row]);
    } catch (error) {
      throw notWritten(error);
    }
    this.#written.push(row);
  }

  #sealed(event: string): SealedRow {
    return this.#outbox.seal({ org: this.#caller.org, event, evidence: evidenceOf(this.#caller) });
  }
}

/** The nonce of the signature is used. */
export function usedAlready(): Problem {
  return new Problem('unauthenticated', { detail: 'this signature was used already' });
}
