import type { AnswerOptions } from '../route/answer.js';
import type { AuditLag } from '../audit-log/audit-lag.js';
import type { ClockDrift } from '../database/clock-drift.js';
import type { Clock } from '../process/clock.js';
import type { AcknowledgedLeaves } from './acknowledged-leaves.js';
import type { AuditEntry } from './audit-record.js';
import type { AuditOutbox } from './outbox.js';

/** What the work of a mutation comes to: its answer, and what the audit log says was done. */
export interface Effect<Body> extends Omit<AnswerOptions, 'replayed'> {
  readonly body: Body;
  readonly event: AuditEntry;
  /** What else was done with it, in the same transaction; a retry that gets the first answer does not say it again. */
  readonly also?: readonly AuditEntry[];
  /**
   * How long the same Idempotency-Key gets the same answer; as long as it is known, a day, unless given. From then on
   * it gets `envelope_expired`: it never brings about the effect again.
   */
  readonly keepSeconds?: number;
}

/** An effect that one statement can write, with the values that it needs. */
export interface OneStatement<Own, Body> extends Omit<Effect<Body>, 'also'> {
  readonly own: Own;
  /** The body as JSON text, where its maker has it already. */
  readonly bodyText?: string;
}

/** What is kept of an effect under its Idempotency-Key. */
export type StoredAnswer<Body> = Omit<Effect<Body>, 'keepSeconds' | 'also'>;

/** What the ledger needs beside its database. */
export interface LedgerParts {
  readonly clock: Clock;
  readonly drift: Pick<ClockDrift, 'require' | 'note' | 'isApart' | 'look'>;
  readonly lag: Pick<AuditLag, 'require'>;
  readonly outbox: AuditOutbox;
  readonly acknowledged: Pick<AcknowledgedLeaves, 'note'>;
}

export interface RunOptions {
  /** For work that recognises its own retries: nothing is kept by Idempotency-Key. */
  readonly ownReplay?: boolean;
  /**
   * What is kept of the request instead of its plain hash, where its body must not be guessed by those who have the
   * database alone (protocol.md A9): by each key that there is, the newest first.
   */
  readonly requestHashes?: (text: string) => readonly string[];
}
