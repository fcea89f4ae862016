import type { QueryCreator, RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from './ledger-tables.js';

/** A statement in parentheses; it may read from those before it by their names. */
export type Part = Parameters<QueryCreator<LedgerTables>['with']>[1];

/** What is there beside the tables where a statement says what became of its rows. */
export type Parts = LedgerTables & {
  readonly given: { readonly at: number };
  readonly used: { readonly write_id: string };
  readonly taken: { readonly key: string };
};

/** By column of what a part returns, the value that it has of the row it was made for. */
export type Named = Readonly<Record<string, unknown>>;

/**
 * Those rows of `given` for which a part of the statement has a row. What reads from it as `given` finds their values where
 * every part finds them.
 * @param named what tells the rows of the part from each other.
 */
export function rowsWith(part: string, named: Named): Part {
  return (() => sql`(select "given".* from "given" join ${sql.id(part)} on ${isOf(part, named)})`) as never;
}

/** Whether a row of a part is the one that was made for a row of `given`. */
export function isOf(part: string, named: Named): RawBuilder<boolean> {
  const pairs = Object.entries(named).map(([column, value]) => sql`${sql.id(part, column)} = ${value}`);
  return sql<boolean>`${sql.join(pairs, sql` and `)}`;
}

/** The rows that are given, each with whether what has to hold of it does. They are looked at once. */
export function judged(rows: RawBuilder<unknown>, holds: unknown): Part {
  return (() => sql`(select "given".*, ${holds} as "holds" from (${rows}) as "given")`) as never;
}
