import type { Compilable, Kysely, RawBuilder } from 'kysely';
import { sql } from 'kysely';
import { Statement } from './statement.js';

/** A row of the answer says to which of the rows that were given it belongs, counted from 1. */
export interface AnswerRow {
  readonly at: number;
}

/** More rows than any batch has. */
const ROWS_MAX = 1_000_000;

/**
 * After each value of a list, and for a value that is not there. As an array of PostgreSQL a list would be quoted, and with
 * it every quotation mark of the JSON that most values are: that takes the process longer than all else it does to write.
 */
const [END, NOTHING] = ['\u001f', '\u001e'];

interface Lists {
  readonly lockTimeout: string;
  /** From 1 on. */
  readonly places: readonly number[];
  /** By column, the texts of the rows' values, each with {@link END} after it. */
  readonly $of: Readonly<Record<string, string>>;
}

/** How a batch is sent. */
export interface BatchOptions<Tables> {
  /** How long each of its waits for others may last. */
  readonly lockTimeoutMs: number;
  /** The connection, if it is to be a certain one. */
  readonly over?: Kysely<Tables>;
}

/** In which place a row that is given stands. */
export const givenAt = sql<number>`"given"."at"`;

/**
 * A {@link Statement} for any number of rows at once. Its text is the same for one as for many: the values come as lists,
 * which become the relation `given`, and what is built with are its columns.
 */
export class BatchStatement<Tables, Given extends object, Row extends AnswerRow> {
  readonly #statement: Statement<Tables, Lists, Row>;
  /** By name, where in a row the value of the column is. */
  readonly #columns = new Map<string, readonly string[]>();

  /**
   * @param build is called with columns in place of values, which it passes on by their names, and with what selects `given`.
   *   They come as text: where another type is wanted it says so. Its rows say `at`.
   */
  constructor(build: (db: Kysely<Tables>, given: Given, rows: RawBuilder<unknown>) => Compilable<Row>) {
    this.#statement = new Statement((db, lists) => {
      const given = columnsOf([], this.#columns) as Given;
      // The first time only shows which columns are wanted.
      build(db, given, sql`select`);
      return build(db, given, this.#rowsOf(lists));
    });
  }

  /**
   * @returns the row of each that was given; undefined where there is none
   * @throws whatever the database says
   */
  async run(
    db: Kysely<Tables>,
    rows: readonly Given[],
    { lockTimeoutMs, over = db }: BatchOptions<Tables>,
  ): Promise<(Row | undefined)[]> {
    this.#statement.build(db);
    const lists = [...this.#columns].map(([name, path]) => [name, listOf(rows, path)]);
    const places = rows.map((_, index) => index + 1);
    const given = { lockTimeout: `${lockTimeoutMs}ms`, places, $of: Object.fromEntries(lists) as Lists['$of'] };
    const found = await this.#statement.run(db, given, over);
    const answers = new Map(found.map((row) => [row.at, row]));
    return rows.map((_, index) => answers.get(index + 1));
  }

  /**
   * The lists behind a fence: a plan that knew their lengths would be made anew for each. Of a range the planner expects one
   * row in two hundred, so of these it expects one, and looks that up by an index: a plan made while a table was small would
   * go on to read all of it when it no longer is.
   */
  #rowsOf({ lockTimeout, places, $of }: Lists): RawBuilder<unknown> {
    const names = [...this.#columns.keys()];
    const lists = sql.join(
      names.map((name) => sql`string_to_array(${$of[name]}::text, chr(31), chr(30)) as ${sql.id(name)}`),
    );
    const columns = sql.join(names.map((name) => sql`lists.${sql.id(name)}["at"] as ${sql.id(name)}`));
    const patience = sql`set_config('lock_timeout', ${lockTimeout}::text, true) as patience`;
    return sql`select "at", ${columns}
      from (select ${patience}, ${places}::int8[] as places, ${lists} offset 0) as lists, unnest(places) as "at"
      where "at" between 1 and ${sql.lit(ROWS_MAX)}`;
  }
}

/** How many characters the values of a row have. */
export function lengthOf(row: object): number {
  let length = 0;
  for (const value of Object.values(row)) {
    if (typeof value === 'string') length += value.length;
    else length += typeof value === 'object' && value !== null ? lengthOf(value) : 8;
  }
  return length;
}

/** An object whose every member is a column; those of a member of it, after `$`, are columns of what is in that member. */
function columnsOf(path: readonly string[], columns: Map<string, readonly string[]>): object {
  return new Proxy(
    {},
    {
      get: (_, member) => {
        const at = [...path, String(member)];
        if (String(member).startsWith('$')) return columnsOf(at, columns);
        // No table has a column that begins so.
        const name = `_${at.join('_').replaceAll('$', '')}`;
        columns.set(name, at);
        return sql`${sql.id('given', name)}`;
      },
    },
  );
}

/** @throws {Error} where a value has one of the two characters: JSON has none, and no id, hash or token has */
function listOf(rows: readonly object[], path: readonly string[]): string {
  let list = '';
  for (const row of rows) {
    const text = textAt(row, path);
    // guard: batch-separators
    if (text !== null && (text.includes(END) || text.includes(NOTHING)))
      throw new Error(`a value that separates values: ${path.join('.')}`);
    list += (text ?? NOTHING) + END;
  }
  return list;
}

function textAt(row: object, path: readonly string[]): string | null {
  let value: unknown = row;
  for (const name of path) value = (value as Record<string, unknown>)[name];
  if (value === null || typeof value === 'string') return value;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`a row without a value for ${path.join('.')}`);
}
