import type { Bytes } from '@bulla/crypto';
import { encodeFrontier } from '@bulla/crypto/log';
import type { Expression, ExpressionBuilder, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { EntryTerms } from './entry-terms.js';
import type { Growth } from './growth.js';
import type { LogHead } from './log-head.js';
import { copyOf, logHeadOf } from './log-head.js';
import type { AuditLogTable } from './log-tables.js';

type Db = Kysely<LedgerTables>;

/** A row of the outbox. What shows that the caller asked stays in the database. */
export interface WaitingRow {
  readonly id: number;
  readonly at: Date;
  readonly leaf: Bytes;
}

/** A row of the outbox, and what it is found by once it is in the log. */
export interface PlacedRow extends EntryTerms {
  readonly id: number;
}

/** How far the log of an organisation is behind. */
export interface Waiting {
  readonly org: string;
  /** Decisions that are not in it yet. */
  readonly rows: number;
  /** Age of the oldest decision that no checkpoint holds: of those that are not in it, or are and nobody signed that. */
  readonly seconds: number;
}

/** The log's tables in the database of a service. */
export class LogRepository {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Runs some work in one transaction. */
  transaction<Result>(work: (trx: Db) => Promise<Result>): Promise<Result> {
    return this.#db.transaction().execute(work);
  }

  /** Organisations that have something to be written, signed, or both, and how far the log of each is behind. */
  async waiting(): Promise<Waiting[]> {
    const age = (at: Expression<Date>) =>
      sql<number>`coalesce(extract(epoch from clock_timestamp() - ${at}), 0)::float8`;
    const found = await this.#db.transaction().execute(async (trx) => {
      // What was taken stays in the table until that is vacuumed. A scan of the table reads all of it at each look; one of
      // its key marks what is gone and passes it over.
      await sql`set local enable_seqscan = off`.execute(trx);
      return trx
        .selectFrom('audit_outbox')
        .select(['org', ({ fn }) => fn.countAll<number>().as('rows')])
        .select(({ fn }) => age(fn.min('at')).as('seconds'))
        .groupBy('org')
        .unionAll(
          trx
            .selectFrom('audit_log')
            .select(['org', sql<number>`0`.as('rows')])
            // guard: audit-lag-unsigned without: .select(sql<number>`0`.as('seconds'))
            .select((eb) => age(oldestUnsigned(eb)).as('seconds'))
            .whereRef('checkpoint_size', '<', 'size')
            // One that was lost is signed no more.
            .where((eb) =>
              eb.not(
                eb.exists(
                  eb
                    .selectFrom('audit_log as later')
                    .select('later.log')
                    .whereRef('later.org', '=', 'audit_log.org')
                    .whereRef('later.log', '>', 'audit_log.log'),
                ),
              ),
            ),
        )
        .execute();
    });
    const waiting = new Map<string, Waiting>();
    for (const one of found) {
      const { rows, seconds } = waiting.get(one.org) ?? one;
      waiting.set(one.org, { ...one, rows: Math.max(rows, one.rows), seconds: Math.max(seconds, one.seconds) });
    }
    return [...waiting.values()].toSorted((one, other) => one.rows - other.rows);
  }

  /** The log that grows. */
  async newest(org: string, db: Db = this.#db): Promise<LogHead | undefined> {
    const row = await db
      .selectFrom('audit_log')
      .selectAll()
      .where('org', '=', org)
      .orderBy('log', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? undefined : logHeadOf(row);
  }

  async find(org: string, log: number): Promise<LogHead | undefined> {
    const row = await this.#db
      .selectFrom('audit_log')
      .selectAll()
      .where('org', '=', org)
      .where('log', '=', log)
      .executeTakeFirst();
    return row === undefined ? undefined : logHeadOf(row);
  }

  /** The newest signed note of the newest log that has one. */
  async checkpoint(org: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('audit_log')
      .select('checkpoint')
      .where('org', '=', org)
      .where('checkpoint', 'is not', null)
      .orderBy('log', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.checkpoint ?? undefined;
  }

  /** All logs of an organisation, the newest last, each with the oldest entry that is there. */
  all(org: string): Promise<(Pick<AuditLogTable, 'log' | 'origin' | 'checkpoint'> & { readonly first: number })[]> {
    return this.#db
      .selectFrom('audit_log')
      .select(['log', 'origin', 'checkpoint'])
      .select((eb) =>
        eb.fn
          .coalesce(
            eb
              .selectFrom('audit_entry')
              .select('idx')
              .whereRef('audit_entry.org', '=', 'audit_log.org')
              .whereRef('audit_entry.log', '=', 'audit_log.log')
              .orderBy('idx')
              .limit(1),
            sql<number>`0`,
          )
          .as('first'),
      )
      .where('org', '=', org)
      .orderBy('log')
      .execute();
  }

  /**
   * Begins a log without entries, and puts what is to be its first one into the outbox.
   * @returns that; undefined if the log is there already
   */
  async begin(
    trx: Db,
    { org, log, origin, root, frontier }: Omit<LogHead, 'checkpoint' | 'signedSize'>,
    first: Omit<WaitingRow, 'id'>,
  ): Promise<WaitingRow | undefined> {
    const row = { org, log, origin, size: 0, root, frontier: encodeFrontier(frontier), checkpoint: null };
    const { numInsertedOrUpdatedRows: rows } = await trx
      .insertInto('audit_log')
      .values({ ...row, checkpoint_size: 0 })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (rows !== 1n) return undefined;
    const waiting = { org, ...first, evidence: null };
    const { id } = await trx.insertInto('audit_outbox').values(waiting).returning('id').executeTakeFirstOrThrow();
    return { id, ...first };
  }

  /**
   * Rows of the outbox, the oldest first, held for this transaction: all that is there counts, whatever its number. Where
   * another has them at this moment this waits for it: if that one dies they come into the log before what was decided later.
   */
  async take(trx: Db, org: string, limit: number): Promise<WaitingRow[]> {
    const rows = await trx
      .selectFrom('audit_outbox')
      .select(['id', 'at', 'leaf'])
      .where('org', '=', org)
      .orderBy('id')
      .limit(limit)
      .forUpdate()
      .execute();
    return rows.map(({ id, at, leaf }) => ({ id, at, leaf: copyOf(leaf) }));
  }

  /**
   * Puts the head of a grown tree in the place of the one that it grew from. False if that is another by now: of two who
   * grow one log, one is let in (the fence of protocol.md §8).
   */
  async advance(trx: Db, before: LogHead, { head, frontier }: Growth): Promise<boolean> {
    const { numUpdatedRows } = await trx
      .updateTable('audit_log')
      .set({ size: head.size, root: head.root, frontier: encodeFrontier(frontier) })
      .where('org', '=', before.org)
      .where('log', '=', before.log)
      .where((eb) => eb.and({ size: before.size, root: before.root })) // guard: log-fence
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  async addTiles(trx: Db, { org, log }: LogHead, { tiles }: Growth): Promise<void> {
    for (const tile of tiles)
      await trx
        .insertInto('audit_tile')
        .values({ org, log, ...tile })
        .onConflict((conflict) =>
          conflict
            .columns(['org', 'log', 'level', 'idx'])
            .doUpdateSet({ hashes: sql<Uint8Array>`audit_tile.hashes || excluded.hashes` }),
        )
        .execute();
  }

  /**
   * Moves rows of the outbox to the end of a log, in their order and within the database: a row is large.
   * @throws {Error} where one of them is not there
   */
  async addEntries(trx: Db, { org, log, size }: LogHead, rows: readonly PlacedRow[]): Promise<void> {
    const ids = rows.map(({ id }) => id);
    const texts = (of: (row: PlacedRow) => string | null) => sql`${rows.map(of)}::text[]`;
    // Lists in a list are all of one length, so ids come as one text: none has a space in it.
    const named = texts(({ objects }) => objects.join(' '));
    const terms = sql.join([texts(({ act }) => act), texts(({ res }) => res), texts(({ kid }) => kid), named]);
    const placed = sql<{
      id: number;
      act: string;
      res: string;
      kid: string | null;
      named: string;
      place: number;
    }>`unnest(
      ${ids}::int8[], ${terms}) with ordinality`.as<'placed'>(sql`placed (id, act, res, kid, named, place)`);
    const { numInsertedOrUpdatedRows: moved } = await trx
      .with('waiting', (part) =>
        part
          .deleteFrom('audit_outbox')
          .where('org', '=', org)
          .where(sql<boolean>`id = any(${ids}::int8[])`)
          .returning(['id', 'at', 'leaf', 'evidence']),
      )
      .insertInto('audit_entry')
      .columns(['org', 'log', 'idx', 'at', 'leaf', 'evidence', 'act', 'res', 'kid', 'objects'])
      .expression((eb) =>
        eb
          .selectFrom('waiting')
          .innerJoin(placed, (join) => join.onRef('placed.id', '=', 'waiting.id'))
          .select([
            sql<string>`${org}::text`.as('org'),
            sql<number>`${log}::integer`.as('log'),
            sql<number>`${size}::int8 + placed.place - 1`.as('idx'),
            'waiting.at',
            'waiting.leaf',
            'waiting.evidence',
            'placed.act',
            'placed.res',
            'placed.kid',
            sql<string[]>`string_to_array(placed.named, ' ')`.as('objects'),
          ])
          .orderBy('placed.place'),
      )
      .executeTakeFirstOrThrow();
    if (moved !== BigInt(rows.length)) throw new Error('rows of the outbox are gone that were held');
  }

  /** The hashes of a tile; undefined if it is not there. */
  async tile(org: string, log: number, place: { level: number; idx: number }): Promise<Bytes | undefined> {
    const row = await this.#db
      .selectFrom('audit_tile')
      .select('hashes')
      .where('org', '=', org)
      .where('log', '=', log)
      .where('level', '=', place.level)
      .where('idx', '=', place.idx)
      .executeTakeFirst();
    return row === undefined ? undefined : copyOf(row.hashes);
  }

  /** Keeps a signed note, unless one of a larger tree is there. */
  async keepCheckpoint({ org, log }: LogHead, size: number, note: string): Promise<void> {
    await this.#db
      .updateTable('audit_log')
      .set({ checkpoint: note, checkpoint_size: size })
      .where('org', '=', org)
      .where('log', '=', log)
      .where('checkpoint_size', '<=', size)
      .execute();
  }
}

/** When the first entry of a log that no checkpoint holds was written. */
function oldestUnsigned(eb: ExpressionBuilder<LedgerTables, 'audit_log'>) {
  return eb
    .selectFrom('audit_entry')
    .select('audit_entry.at')
    .whereRef('audit_entry.org', '=', 'audit_log.org')
    .whereRef('audit_entry.log', '=', 'audit_log.log')
    .whereRef('audit_entry.idx', '=', 'audit_log.checkpoint_size')
    .$castTo<{ at: Date }>() as unknown as Expression<Date>;
}
