import type { Expression, Kysely, OperationNodeSource, QueryCreator, RawBuilder, UpdateQueryBuilder } from 'kysely';
import { sql } from 'kysely';
import type { AnswerRow } from '../database/batch-statement.js';
import { givenAt } from '../database/batch-statement.js';
import { GroupedWrite } from './grouped-write.js';

/** What a room says of a change that one statement can make. It is asked once, with places for the values. */
export interface ChangeParts<Tables, Own> {
  /** An update. */
  change(db: Kysely<Tables>, own: Own): OperationNodeSource;
  /** Whether what is there is what that leaves behind, for one who does not know whether it was made. */
  isMade(db: Kysely<Tables>, own: Own): Expression<boolean>;
  /** What of this only one change at a time can have. */
  keys(own: Own): readonly string[];
}

/** What became of a change. */
export interface Changed extends AnswerRow {
  /** How many rows were changed. */
  readonly written: number;
}

/** The tables of an update of any one. */
type AnyTable = Readonly<Record<'changed', { readonly at: number }>>;

/** Adds the change to a statement as `changed`, which says `at` for each row of `given` that it was made for. */
export function withChange<Tables>(
  db: Kysely<Tables>,
  rows: RawBuilder<unknown>,
  change: OperationNodeSource,
): QueryCreator<{ changed: { at: number } }> {
  const update = change as UpdateQueryBuilder<AnyTable, 'changed', 'changed', object>;
  const changed = update.from(sql<{ at: number }>`"given"`.as('given')).returning(givenAt.as('at'));
  return db
    .with(
      (name) => name('given').materialized(),
      () => sql`(${rows})` as never,
    )
    .with('changed', () => changed as never) as never;
}

/** The rows that a statement of {@link withChange} answers with. */
export function changedRows(db: QueryCreator<{ changed: { at: number } }>) {
  return db
    .selectFrom('changed')
    .select(['changed.at', ({ fn }) => fn.countAll<number>().as('written')])
    .groupBy('changed.at')
    .$castTo<Changed>();
}

/** Finds what was changed, as far as that can be told. */
export function lookForChange<Tables>(db: Kysely<Tables>, rows: RawBuilder<unknown>, isMade: Expression<boolean>) {
  return (db as unknown as Kysely<AnyTable>)
    .selectFrom(sql<{ at: number }>`(${rows})`.as('given'))
    .select([givenAt.as('at'), sql<number>`1`.as('written')])
    .where(isMade)
    .$castTo<Changed>();
}

/** A change with no row in the audit log, made by the same statement as others that come at about the same moment. */
export class GroupedChange<Tables, Own extends object> {
  readonly #keys: ChangeParts<Tables, Own>['keys'];
  readonly #grouped: GroupedWrite<Tables, { readonly $own: Own }, Changed>;

  constructor(parts: ChangeParts<Tables, Own>) {
    this.#keys = (own) => parts.keys(own);
    this.#grouped = new GroupedWrite<Tables, { readonly $own: Own }, Changed>({
      write: (db, { $own: own }, rows) => changedRows(withChange(db, rows, parts.change(db, own))),
      look: (db, { $own: own }, rows) => lookForChange(db, rows, parts.isMade(db, own)),
      isWritten: ({ written }) => written > 0,
    });
  }

  /**
   * @returns how many rows were written
   * @throws whatever the database says
   */
  async run(db: Kysely<Tables>, own: Own): Promise<number> {
    return (await this.#grouped.run(db, { $own: own }, this.#keys(own)))?.written ?? 0;
  }
}
