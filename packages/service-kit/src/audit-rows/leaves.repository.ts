import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { databaseMs } from '../database/clock-drift.js';
import type { LedgerTables } from '../audit/ledger-tables.js';

/** A log, and how far it is signed as the database says it. */
export interface LogTree {
  readonly log: number;
  readonly size: number;
  readonly root: Uint8Array<ArrayBuffer>;
  readonly checkpoint: string | null;
  readonly signedSize: number;
}

/** Where rows are, all of it as of one moment. */
export interface FoundRows {
  /** MACs of those that are in the outbox, and of those that were set aside, in hexadecimal. */
  readonly waiting: ReadonlySet<string>;
  readonly setAside: ReadonlySet<string>;
  /** How large the log is. */
  readonly size: number;
}

/** Entries about rows that were set aside that are read at most. */
const SAID_MAX = 1_000;

/** Finds rows that this process wrote. */
export class LeavesRepository {
  readonly #db: Kysely<LedgerTables>;

  constructor(db: Kysely<LedgerTables>) {
    this.#db = db;
  }

  /** The logs of an organisation, the newest last. */
  async trees(org: string): Promise<LogTree[]> {
    const rows = await this.#db
      .selectFrom('audit_log')
      .select(['log', 'size', 'root', 'checkpoint', 'checkpoint_size as signedSize'])
      .where('org', '=', org)
      .orderBy('log')
      .execute();
    return rows.map(({ root, ...row }) => ({ ...row, root: Uint8Array.from(root) }));
  }

  /** The first entry of a log that came no longer ago than so many seconds, and what time it is, by the database's clock. */
  async firstSince(
    org: string,
    log: number,
    seconds: number,
  ): Promise<{ readonly first: number | undefined; readonly nowMs: number }> {
    const row = await this.#db
      .selectFrom('audit_entry')
      // By its place the planner would walk the log from its beginning.
      .select(sql<number | null>`min(idx + 0)`.as('idx'))
      .select(databaseMs.as('nowMs'))
      .where('org', '=', org)
      .where('log', '=', log)
      .where(sql<boolean>`at >= clock_timestamp() - make_interval(secs => ${seconds}::float8)`)
      .executeTakeFirstOrThrow();
    return { first: row.idx ?? undefined, nowMs: row.nowMs };
  }

  /** The leaf of a row that was set aside. */
  async leafAside(org: string, mac: string): Promise<Uint8Array | undefined> {
    const row = await this.#db
      .selectFrom('audit_set_aside')
      .select('leaf')
      .where('org', '=', org)
      .where(sql<boolean>`mac = decode(${mac}::text, 'hex')`)
      .executeTakeFirst();
    return row?.leaf;
  }

  /** Entries of a log that say what was set aside, the newest first. */
  async saidAside(org: string, log: number): Promise<{ idx: number; leaf: Uint8Array }[]> {
    return this.#db
      .selectFrom('audit_entry')
      .select(['idx', 'leaf'])
      .where('org', '=', org)
      .where('log', '=', log)
      .where('act', '=', 'audit.set-aside')
      .orderBy('idx', 'desc')
      .limit(SAID_MAX)
      .execute();
  }

  /** Where rows are, by their MACs in hexadecimal. @param log whose size is asked for. */
  async find(org: string, log: number, macs: readonly string[]): Promise<FoundRows> {
    const among = (table: 'audit_outbox' | 'audit_set_aside') =>
      this.#db
        .selectFrom(table)
        .select(sql<string[] | null>`array_agg(encode(mac, 'hex'))`.as('macs'))
        .where('org', '=', org)
        .where(sql<boolean>`encode(mac, 'hex') = any(${macs}::text[])`);
    const written = this.#db.selectFrom('audit_log').select('size').where('org', '=', org).where('log', '=', log);
    const row = await this.#db
      .selectFrom(sql<{ one: number }>`(select 1 as one)`.as('once'))
      .select(written.as('size'))
      .select([among('audit_outbox').as('waiting'), among('audit_set_aside').as('aside')])
      .executeTakeFirstOrThrow();
    return {
      waiting: new Set(row.waiting ?? []),
      setAside: new Set(row.aside ?? []),
      size: row.size ?? 0,
    };
  }
}
