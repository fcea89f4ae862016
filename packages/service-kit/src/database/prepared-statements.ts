import type { PostgresPoolClient } from 'kysely';
import type { PoolClient } from 'pg';

/** Statements that are asked for only now and then are parsed each time. */
const USES_BEFORE = 4;
/** Each connection keeps each plan in the memory of the server. */
const NAMES_MAX = 200;
/** Statements that are being counted; those of lists differ with every length. */
const COUNTED_MAX = 1_000;

/**
 * Names for statements that come again and again: under its name a server parses and plans a statement once for each
 * connection, which costs more than to run it. The text is the statement, so that one name never means two.
 */
export class StatementNames {
  readonly #uses = new Map<string, number>();
  readonly #names = new Map<string, string>();

  /** Undefined for a statement that is not worth a name yet, or where there are enough of them. */
  of(text: string): string | undefined {
    const name = this.#names.get(text);
    if (name !== undefined || this.#names.size >= NAMES_MAX) return name;
    const uses = (this.#uses.get(text) ?? 0) + 1;
    if (uses > USES_BEFORE) {
      this.#uses.delete(text);
      this.#names.set(text, `bulla_${this.#names.size}`);
    } else {
      if (this.#uses.size >= COUNTED_MAX) this.#uses.clear();
      this.#uses.set(text, uses);
    }
    return this.#names.get(text);
  }
}

/**
 * A connection as Kysely uses it, whose statements with parameters are prepared by name; those of transactions have none.
 * @param notice is told what goes wrong with any of them.
 */
export function preparing(
  client: PoolClient,
  names: StatementNames,
  notice: (error: unknown) => void,
): PostgresPoolClient {
  // Kysely asks for a cursor by the same name, which is not used here.
  const query = (text: string, values: readonly unknown[]) => {
    const name = values.length > 0 ? names.of(text) : undefined;
    const asked =
      name === undefined ? client.query(text, [...values]) : client.query({ name, text, values: [...values] });
    asked.catch(notice);
    return asked;
  };
  return { query: query as unknown as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) };
}
