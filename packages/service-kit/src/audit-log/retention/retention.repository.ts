import type { AuditFacts } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { entryIn, leafText } from '../entry-terms.js';
import { TILE_WIDTH } from '@bulla/crypto/log';
import type { ExpressionBuilder, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../../audit/ledger-tables.js';
import { agreesWith } from '../../database/clock-drift.js';
import type { Clock } from '../../process/clock.js';
import { copyOf } from '../log-head.js';
import { monthOfTable, monthTable, valuesOfMonth } from '../months.js';

type Db = Kysely<LedgerTables>;
type PruneFacts = AuditFacts<'log.prune'>;

/** A log that has entries from before some month. */
export interface AgedLog {
  readonly org: string;
  readonly log: number;
  readonly size: number;
  /** How many entries its newest checkpoint speaks of. */
  readonly signedSize: number;
  /** Index of the oldest entry that is there. */
  readonly first: number;
  /** Index of the first entry of that month or later; undefined if there is none. */
  readonly young: number | undefined;
}

/** What the logs of an organisation say of what was pruned. */
export interface SaidPrune extends PruneFacts {
  /** Whether a checkpoint stands for it, and a day has passed: until then somebody may read by an older one. */
  readonly isSettled: boolean;
  /** The entry that says it; undefined while it waits. Whether it was signed is for the reader to see. */
  readonly by?: { readonly log: number; readonly index: number; readonly text: string } | undefined;
}

/** Up to where the entries of a log are gone or may go. */
export interface PrunedLog {
  readonly org: string;
  readonly log: number;
  /** The first index that stays. */
  readonly below: number;
}

/** Of one log in one month what stays: of one tile, and what was written in a turn that nobody signed any more. */
const LEFT_MAX = TILE_WIDTH + 20_000;
const ENTRIES = 'audit_entry';
/** Whoever reads the log waits behind us for as long as we wait, so that is short: the next time will do. */
const LOCK_TIMEOUT = '100ms';
/** Of each day: a day of the server's time zone may have 23 or 25, and a promise of so many days has not. */
const DAY_HOURS = 24;

/** The months of the entries, and what becomes of them. */
export class RetentionRepository {
  readonly #db: Db;
  readonly #schema: string;

  constructor(db: Db, schema: string) {
    this.#db = db;
    this.#schema = schema;
  }

  /**
   * The first month of which something has to be kept: every entry of an earlier one is older than so many days.
   * @returns such as `2026-11`; undefined while the clock of the process does not agree with the database's.
   */
  async firstMonth(days: number, clock: Pick<Clock, 'machineMs'>): Promise<string | undefined> {
    // guard: retention-drifted without: const agrees = sql<boolean>`${clock.machineMs()}::float8 > 0`;
    const agrees = agreesWith(clock);
    const { rows } = await sql<{ month: string }>`
      select to_char((now() - make_interval(hours => ${days * DAY_HOURS}::int)) at time zone 'UTC', 'YYYY-MM') as month
      where ${agrees}`.execute(this.#db);
    return rows[0]?.month;
  }

  /** The months before one of which there are entries, the oldest first. */
  async monthsBefore(month: string): Promise<string[]> {
    const { rows } = await sql<{ name: string }>`
      select child.relname as name from pg_catalog.pg_inherits
      join pg_catalog.pg_class child on child.oid = inhrelid join pg_catalog.pg_class parent on parent.oid = inhparent
      join pg_catalog.pg_namespace on pg_namespace.oid = parent.relnamespace
      where nspname = ${this.#schema} and parent.relname = ${ENTRIES} order by child.relname`.execute(this.#db);
    return rows.map(({ name }) => monthOfTable(name)).filter((one) => one < month);
  }

  /** The logs that have entries from before a month. */
  async agedLogs(month: string): Promise<AgedLog[]> {
    const start = new Date(`${month}-01T00:00:00.000Z`);
    const first = (eb: ExpressionBuilder<LedgerTables, 'audit_log'>, from: Date | undefined) =>
      eb
        .selectFrom('audit_entry')
        .select('idx')
        .whereRef('audit_entry.org', '=', 'audit_log.org')
        .whereRef('audit_entry.log', '=', 'audit_log.log')
        .$if(from !== undefined, (query) => query.where('at', '>=', from as Date))
        .orderBy('idx')
        .limit(1);
    const rows = await this.#db
      .selectFrom('audit_log')
      .select(['org', 'log', 'size', 'checkpoint_size as signedSize'])
      .select((eb) => [first(eb, undefined).as('first'), first(eb, start).as('young')])
      .execute();
    return rows.flatMap(({ first: oldest, young, ...row }) =>
      oldest === null || oldest === young ? [] : [{ ...row, first: oldest, young: young ?? undefined }],
    );
  }

  /** What the logs of an organisation say of what was pruned, the newest last. */
  async said(org: string): Promise<SaidPrune[]> {
    const rows = await this.#db
      .selectFrom('audit_entry')
      .innerJoin('audit_log', (join) =>
        join.onRef('audit_log.org', '=', 'audit_entry.org').onRef('audit_log.log', '=', 'audit_entry.log'),
      )
      .select(['leaf', 'audit_entry.log', 'idx'])
      .select(
        sql<boolean>`idx < checkpoint_size and at < now() - make_interval(hours => ${DAY_HOURS})`.as('isSettled'), // guard: prune-settled without: sql<boolean>`true`.as('isSettled')
      )
      .where('audit_entry.org', '=', org)
      .where('act', '=', 'log.prune')
      .where('res', '=', 'ok')
      .orderBy('audit_entry.log')
      .orderBy('idx')
      .execute();
    const waiting = await this.#db
      .selectFrom('audit_outbox')
      .select('leaf')
      .where('org', '=', org)
      .where(sql<boolean>`position(convert_to('"act":"log.prune"', 'UTF8') in leaf) > 0`)
      .orderBy('id')
      .execute();
    const inLogs = rows.map(({ leaf, isSettled, log, idx: index }) => {
      const text = leafText(leaf);
      return { text, isSettled, by: { log, index, text } };
    });
    const inOutbox = waiting.map(({ leaf }) => ({ text: leafText(leaf), isSettled: false, by: undefined }));
    return [...inLogs, ...inOutbox].flatMap(({ text, isSettled, by }) => {
      const entry = entryIn(text);
      return entry?.act === 'log.prune' && entry.res === 'ok' ? [{ ...entry.obj, isSettled, by }] : [];
    });
  }

  /** Entries from one index up to another, in their order; what is gone is left out. */
  async leaves(org: string, log: number, from: number, to: number): Promise<{ idx: number; leaf: Bytes }[]> {
    const rows = await this.#db
      .selectFrom('audit_entry')
      .select(['idx', 'leaf'])
      .where('org', '=', org)
      .where('log', '=', log)
      .where('idx', '>=', from)
      .where('idx', '<', to)
      .orderBy('idx')
      .execute();
    return rows.map(({ idx, leaf }) => ({ idx, leaf: copyOf(leaf) }));
  }

  /** The text of an entry; undefined if it is gone. */
  async leaf(org: string, log: number, index: number): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('audit_entry')
      .select('leaf')
      .where('org', '=', org)
      .where('log', '=', log)
      .where('idx', '=', index)
      .executeTakeFirst();
    return row && leafText(row.leaf);
  }

  /**
   * Drops a month, without a delete. What of it stays, a tile of each log at most, is put into a table that takes its place.
   * @returns whether anything of it is gone
   * @throws whatever the database says: 55P03 where somebody else has it locked
   */
  async dropMonth(month: string, pruned: readonly PrunedLog[]): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const [old, left] = [this.#table(month), this.#table(month, '_left')];
      await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`.execute(trx);
      // What is written to it from here on would be lost: who writes to it waits, and who reads does not.
      await sql`lock table ${old} in share mode`.execute(trx);
      const bounds = sql`jsonb_to_recordset(${JSON.stringify(await this.#bounds(trx, pruned))}::jsonb)
        as bound (org text, log int, below int8)`;
      const { rows } = await sql<{ gone: boolean; left: number; most: number }>`
        select coalesce(bool_or(is_gone), false) as gone, coalesce(sum(stays), 0)::int8 as left,
          coalesce(max(stays), 0)::int8 as most
        from ${bounds} cross join lateral (select
          exists (select from ${old} e where e.org = bound.org and e.log = bound.log and e.idx < below) as is_gone,
          (select count(*) from (select from ${old} e where e.org = bound.org and e.log = bound.log and e.idx >= below
            limit ${LEFT_MAX + 1}) one) as stays) found`.execute(trx);
      const [found] = rows;
      // guard: prune-keeps
      if (found === undefined || !found.gone || found.most > LEFT_MAX) return false;
      if (found.left > 0) {
        await sql`create table ${left} (like ${old} including all)`.execute(trx);
        await sql`insert into ${left} select e.* from ${bounds} join ${old} e
          on e.org = bound.org and e.log = bound.log and e.idx >= below`.execute(trx);
      }
      await sql`drop table ${old}`.execute(trx);
      if (found.left > 0) {
        await sql`alter table ${left} rename to ${sql.id(monthTable(month))}`.execute(trx);
        await sql`alter table ${sql.id(this.#schema, ENTRIES)} attach partition ${old} ${valuesOfMonth(month)}`.execute(
          trx,
        );
      }
      return true;
    });
  }

  /** Every log, also those that keep all: read once nobody can write to the month any more. */
  async #bounds(trx: Db, pruned: readonly PrunedLog[]): Promise<PrunedLog[]> {
    const logs = await trx.selectFrom('audit_log').select(['org', 'log']).execute();
    const below = new Map(pruned.map((one) => [`${one.org} ${one.log}`, one.below]));
    return logs.map(({ org, log }) => ({ org, log, below: below.get(`${org} ${log}`) ?? 0 }));
  }

  #table(month: string, suffix = '') {
    return sql.id(this.#schema, `${monthTable(month)}${suffix}`);
  }
}
