import type { Bytes } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { encodeFrontier } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { EntryTerms } from './entry-terms.js';
import type { Growth } from './growth.js';
import type { LogHead } from './log-head.js';
import { copyOf, logHeadOf } from './log-head.js';
import type { AuditLogTable } from './log-tables.js';
import type { IsWritten, Waiting } from './waiting.js';
import { waitingIn } from './waiting.js';

type Db = Kysely<LedgerTables>;

/** Of so many logs the newest checkpoint is handed on: askers may know an older directory, with a key of the one before. */
const TOLD_LOGS_MAX = 4;

/** A row of the outbox. What shows that the caller asked stays in the database. */
export interface WaitingRow {
  readonly id: number;
  readonly at: Date;
  readonly leaf: Bytes;
  /** By which secret it is authenticated, and how. */
  readonly secretId: string | null;
  readonly mac: Bytes | null;
}

/** A row of the outbox, and what it is found by once it is in the log. */
export interface PlacedRow extends Pick<EntryTerms, 'act' | 'res' | 'kid' | 'objects'> {
  readonly id: number;
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

  /**
   * Organisations that have something to be written, signed, or both, and how far the log of each is behind.
   * @param known ids of the secrets of rows that this process holds.
   */
  waiting(known: readonly string[] = [], isWritten: IsWritten = async () => true): Promise<Waiting[]> {
    return waitingIn(this.#db, known, isWritten);
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

  /** The tree of a log as the database has it, whether its frontier leads to that or not. */
  async treeOf(org: string, log: number): Promise<TreeHead | undefined> {
    const row = await this.#db
      .selectFrom('audit_log')
      .select(['size', 'root'])
      .where('org', '=', org)
      .where('log', '=', log)
      .executeTakeFirst();
    return row && { size: row.size, root: copyOf(row.root) };
  }

  /** The newest signed notes of the newest logs, the highest number first. */
  async checkpoints(org: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('audit_log')
      .select('checkpoint')
      .where('org', '=', org)
      .where('checkpoint', 'is not', null)
      .orderBy('log', 'desc')
      .limit(TOLD_LOGS_MAX)
      .execute();
    return rows.flatMap(({ checkpoint }) => checkpoint ?? []);
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

  /** Every signed note of a log that is there: its own, and those that witnesses cosigned. None of them is verified. */
  async notes(org: string, log: number): Promise<string[]> {
    const of = (table: 'audit_log' | 'audit_cosignature') =>
      this.#db.selectFrom(table).select('checkpoint').where('org', '=', org).where('log', '=', log).execute();
    const rows = [...(await of('audit_log')), ...(await of('audit_cosignature'))];
    return [...new Set(rows.flatMap(({ checkpoint }) => checkpoint ?? []))];
  }

  /**
   * Rows of the outbox that this process can check, the oldest first, held for this transaction: all that is there counts,
   * whatever its number. Where another has them at this moment this waits for it: if that one dies they come into the log
   * before what was decided later.
   * @param after the number of the last one that was taken before.
   */
  async take(
    trx: Db,
    org: string,
    { limit, known, after }: { limit: number; known: readonly string[]; after: number },
  ): Promise<WaitingRow[]> {
    const rows = await trx
      .selectFrom('audit_outbox')
      .select(['id', 'at', 'leaf', 'secret_id', 'mac'])
      .where('org', '=', org)
      .where('id', '>', after)
      .where('id', '<=', Number.MAX_SAFE_INTEGER) // guard: row-number
      .where(sql<boolean>`secret_id = any(${known}::text[])`)
      .orderBy('id')
      .limit(limit)
      .forUpdate()
      .execute();
    return rows.map(({ id, at, leaf, secret_id: secretId, mac }) => ({
      id,
      at,
      leaf: copyOf(leaf),
      secretId,
      mac: mac === null ? null : copyOf(mac),
    }));
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
   * Moves rows of the outbox to the end of a log, in their order and within the database: a row is large. What they were
   * authenticated by stays beside them until a checkpoint holds them.
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
          .returning(['id', 'at', 'leaf', 'evidence', 'secret_id', 'mac']),
      )
      .with('beside', (part) =>
        part
          .insertInto('audit_unsigned')
          .columns(['org', 'log', 'idx', 'secret_id', 'mac'])
          .expression(
            part
              .selectFrom('waiting')
              .innerJoin(placed, (join) => join.onRef('placed.id', '=', 'waiting.id'))
              .select([
                sql<string>`${org}::text`.as('org'),
                sql<number>`${log}::integer`.as('log'),
                sql<number>`${size}::int8 + placed.place - 1`.as('idx'),
                'waiting.secret_id',
                'waiting.mac',
              ]),
          ),
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
