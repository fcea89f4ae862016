import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import { sql } from 'kysely';

/** Where a value goes that is given when the statement runs. */
class Place {
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    this.path = path;
  }
}

/**
 * A statement that is built once and run often, each time with other values: to build it takes several times what it
 * takes the process to run it. Of its values only those may differ that are given; its text is always the same.
 */
export class Statement<Tables, Given extends object, Row> {
  readonly #build: (db: Kysely<Tables>, given: Given) => Compilable<Row>;
  /** By database: the schema is part of the text. */
  readonly #built = new WeakMap<Kysely<Tables>, CompiledQuery<Row>>();

  /**
   * @param build is called once for a database, with places for values: it passes them on by their names, and neither looks
   *   at them nor spreads them.
   */
  constructor(build: (db: Kysely<Tables>, given: Given) => Compilable<Row>) {
    this.#build = build;
  }

  /**
   * @param over a certain connection to that database.
   * @throws whatever the database says
   */
  async run(db: Kysely<Tables>, given: Given, over: Kysely<Tables> = db): Promise<Row[]> {
    const built = this.build(db);
    const parameters = built.parameters.map((value) => (value instanceof Place ? valueAt(given, value.path) : value));
    const { rows } = await over.executeQuery<Row>({ ...built, parameters });
    return rows;
  }

  /** The statement for a database, with places for its values. */
  build(db: Kysely<Tables>): CompiledQuery<Row> {
    const before = this.#built.get(db);
    if (before !== undefined) return before;
    const built = this.#build(db, placesOf([]) as Given).compile();
    if (built.parameters.includes(undefined)) throw new Error('a statement without a place for one of its values');
    this.#built.set(db, built);
    return built;
  }
}

/** A value of a list of columns that is selected: there the server takes no type from where it goes. */
export function asText(value: string) {
  return sql<string>`${value}::text`;
}

/** An object whose every member is a place; those of a member of it, after `$`, are places in that member. */
function placesOf(path: readonly string[]): object {
  return new Proxy(
    {},
    {
      get: (_, name) => {
        const at = [...path, String(name)];
        return String(name).startsWith('$') ? placesOf(at) : new Place(at);
      },
    },
  );
}

function valueAt(given: object, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], given);
}
