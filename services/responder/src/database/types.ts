import type { UsageCount } from '@bulla/contract';
import type { SeenDirectory, TrustMemory } from '@bulla/crypto';
import type { LedgerTables, RestoreMarkTable } from '@bulla/service-kit';
import type { ColumnType, Generated, Transaction } from 'kysely';

/** A moment of the database's own clock: leases are judged by it, never by a process's. */
type Moment = ColumnType<Date, Date | undefined, Date>;

/**
 * `accepted`: claimed, nothing has happened yet. `running`: head sent or model called, so it is never run again.
 * `sealed`: it ended. `indeterminate`: its worker was lost after it began.
 */
export type InvocationState = 'accepted' | 'running' | 'sealed' | 'indeterminate';

/** What later directories must still hold, and the chain that they must continue. Rows from before it have none. */
export type SeenMemory = Pick<TrustMemory, 'revoked' | 'withdrawn' | 'hashes'> & Pick<SeenDirectory, 'chain'>;

/** The tables of the responder. Each has `org`, and every statement filters by it. */
export interface ResponderTables extends LedgerTables {
  /** One question; unique by who asked and its `jti`. `rh` is compared, so that one `jti` is one sealed question. */
  invocation: {
    org: string;
    iss: string;
    jti: string;
    rh: string;
    state: InvocationState;
    /** Counts who works on it; only the holder of the highest number may change the row. */
    fence: Generated<number>;
    /** Last sign of life of that worker. */
    heartbeat: Moment;
    /** JSON text of the sealed reply, ciphertext all of it; null for streams and once its time is over. */
    reply: string | null;
    created_at: Moment;
    /** When it ended. */
    ended_at: ColumnType<Date | null, undefined, Date>;
  };
  /** How often an envelope was used; known for a day past its end, which `expires_at` says. */
  envelope_use: { env_jti: string; org: string; uses: number; max: number; expires_at: ColumnType<Date, Date, Date> };
  /** The newest documents that any replica trusted: none goes back behind them, whenever it started. */
  seen_document: {
    org: string;
    kind: 'root' | 'policy' | 'directory';
    version: number;
    sha256: string;
    /** JSON, with the directory: what every later one must still hold. */
    memory: ColumnType<SeenMemory | null, string | null, string>;
  };
  /** A grant of this responder that was tried, and whether it gave the key of its content. */
  tried_grant: { org: string; kid: string; whash: string; fit: boolean; created_at: Moment };
  /** What a run took that has ended and is in no report. */
  usage_run: {
    id: Generated<number>;
    org: string;
    /** URN of the asker. */
    device: string;
    /** Null for chats. */
    prompt: string | null;
    /** Its name in the registry. */
    model: string;
    failed: boolean;
    /** Null where the model did not say. */
    input_tokens: number | null;
    output_tokens: number | null;
    /** Three letters of ISO 4217; null where no cost is known. */
    currency: string | null;
    /** In billionths of a unit of that. */
    cost_nanos: number | null;
    ended_at: Moment;
  };
  /** What the vault may not have yet. */
  usage_report: {
    id: string;
    org: string;
    /** JSON. */
    counts: ColumnType<UsageCount[], string, never>;
    created_at: Moment;
  };
  /** Where this row was written, so that it is noticed elsewhere. */
  restore_mark: RestoreMarkTable & {
    /** What was issued before it is never run. */
    not_before: ColumnType<Date, Date, Date>;
    /** Counts the marks of this organisation, from one database to the next. */
    generation: Generated<number>;
  };
}

/** Inside a transaction everything goes through this: the embedded database has one connection. */
export type ResponderTransaction = Transaction<ResponderTables>;
