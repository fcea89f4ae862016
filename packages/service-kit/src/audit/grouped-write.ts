import type { Compilable, Kysely, RawBuilder } from 'kysely';
import type { AnswerRow } from '../database/batch-statement.js';
import { BatchStatement, lengthOf } from '../database/batch-statement.js';
import { sendOnce } from '../database/outcome.js';
import { GroupCommit } from './group-commit.js';

/** Builds a statement of {@link BatchStatement}. */
type Build<Tables, Given, Row> = (db: Kysely<Tables>, given: Given, rows: RawBuilder<unknown>) => Compilable<Row>;

/** Reading waits for nobody; a migration may hold the tables for a moment. */
const LOOK_LOCK_MS = 2_000;

export interface GroupedParts<Tables, Given, Row> {
  readonly write: Build<Tables, Given, Row>;
  /** Says the same of rows that may have been written; nothing of those that are not there. */
  readonly look: Build<Tables, Given, Row>;
  isWritten(row: Row): boolean;
  /** Whether an error says of one row alone that it is not written, and no more. */
  isNothing?(error: unknown): boolean;
}

/** A statement of which those that come at about the same moment are sent as one: see {@link GroupCommit}. */
export class GroupedWrite<Tables, Given extends object, Row extends AnswerRow> {
  readonly #parts: GroupedParts<Tables, Given, Row>;
  readonly #write: BatchStatement<Tables, Given, Row>;
  readonly #look: BatchStatement<Tables, Given, Row>;
  readonly #groups = new WeakMap<Kysely<Tables>, GroupCommit<Given, Row | undefined>>();

  constructor(parts: GroupedParts<Tables, Given, Row>) {
    this.#parts = parts;
    this.#write = new BatchStatement(parts.write);
    this.#look = new BatchStatement(parts.look);
  }

  /**
   * @param keys as {@link GroupCommit.submit} takes them.
   * @returns what became of it; undefined where nothing is said
   * @throws whatever the database says
   */
  run(db: Kysely<Tables>, given: Given, keys: readonly string[]): Promise<Row | undefined> {
    return this.#groupOf(db).submit(given, keys, lengthOf(given));
  }

  #groupOf(db: Kysely<Tables>): GroupCommit<Given, Row | undefined> {
    const before = this.#groups.get(db);
    if (before !== undefined) return before;
    const group = new GroupCommit<Given, Row | undefined>({
      send: async (rows, lockTimeoutMs) => {
        try {
          return await sendOnce(db, (over) => this.#write.run(db, rows, { lockTimeoutMs, over }));
        } catch (error) {
          if (rows.length === 1 && this.#parts.isNothing?.(error) === true) return [undefined];
          throw error;
        }
      },
      look: (rows) => this.#look.run(db, rows, { lockTimeoutMs: LOOK_LOCK_MS }),
      isWritten: (row) => row !== undefined && this.#parts.isWritten(row),
    });
    this.#groups.set(db, group);
    return group;
  }
}
