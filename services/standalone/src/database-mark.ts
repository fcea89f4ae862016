import type { DatabaseOptions } from '@bulla/service-kit';
import { connectDatabase, databaseFault, databasePlace, databaseTrouble } from '@bulla/service-kit';
import type { Database, EventLog, MigrateHow } from '@bulla/service-kit';
import type { VaultTables } from '@bulla/vault';

/** A database as it was found, before anything in it is changed. */
export interface FoundDatabase {
  /** How people name it: `embedded`, or host, port and database. */
  readonly place: string;
  /** The random name that tells it from every other; undefined where it has none yet. */
  readonly mark: string | undefined;
  /** The pin of an organisation that it holds. */
  readonly pinOf: (org: string) => Promise<string | undefined>;
}

/** Says which mark the database bears from now on. It throws where it is not the one that is meant. */
export type Recognise = (found: FoundDatabase) => Promise<string>;

/** Tables of nobody but `bulla up`. */
interface MarkTables {
  /** One row. */
  database_mark: { one: number; id: string };
}

const UNDEFINED_TABLE = '42P01';
const SCHEMA = 'standalone';

const migrations: DatabaseOptions['migrations'] = {
  '2026-11-28-database-mark': {
    async up(db) {
      await db.schema
        .createTable('database_mark')
        .addColumn('one', 'integer', (column) => column.primaryKey())
        .addColumn('id', 'text', (column) => column.notNull())
        .execute();
    },
  },
};

/** A database that is not there yet. */
export const NO_DATABASE: FoundDatabase = {
  place: 'embedded',
  mark: undefined,
  pinOf: () => Promise.resolve(undefined),
};

/**
 * Has a database recognised, and marks it where it has no mark.
 * @param vault whose tables may not be there.
 * @throws {DatabaseTrouble} where a server cannot be used; what `recognise` throws
 */
export async function markDatabase(
  recognise: Recognise,
  { from, log, vault, how }: Pick<DatabaseOptions, 'from' | 'log'> & { vault: Database<VaultTables>; how: MigrateHow },
): Promise<void> {
  const url = 'url' in from ? from.url : undefined;
  const database = connectDatabase<MarkTables>({ from, schema: SCHEMA, migrations, log, poolMax: 1 });
  try {
    const mark = await recognise(await findDatabase(database, vault, url));
    await database.migrate(how);
    await database.db
      .insertInto('database_mark')
      .values({ one: 1, id: mark })
      .onConflict((conflict) => conflict.column('one').doNothing())
      .execute();
  } finally {
    await database.close();
  }
}

/** Has somebody look at the database of a server, which stays as it is. @throws {DatabaseTrouble}; what `look` throws */
export async function lookAtMark<Seen>(
  look: (found: FoundDatabase) => Promise<Seen>,
  { url, log, vault }: { readonly url: string; readonly log: EventLog; readonly vault: Database<VaultTables> },
): Promise<Seen> {
  const database = connectDatabase<MarkTables>({ from: { url }, schema: SCHEMA, migrations, log, poolMax: 1 });
  try {
    return await look(await findDatabase(database, vault, url));
  } finally {
    await database.close();
  }
}

async function findDatabase(
  database: Database<MarkTables>,
  vault: Database<VaultTables>,
  url: string | undefined,
): Promise<FoundDatabase> {
  return {
    place: url === undefined ? NO_DATABASE.place : databasePlace(url),
    mark: await markOf(database, url),
    pinOf: (org) => pinOf(vault, org),
  };
}

async function markOf({ db }: Database<MarkTables>, url: string | undefined): Promise<string | undefined> {
  try {
    return (await db.selectFrom('database_mark').select('id').executeTakeFirst())?.id;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw (url === undefined ? undefined : databaseTrouble(error, url)) ?? error;
  }
}

async function pinOf({ db }: Database<VaultTables>, org: string): Promise<string | undefined> {
  try {
    return (await db.selectFrom('organisation').select('pin').where('org', '=', org).executeTakeFirst())?.pin;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Tables of a service that never ran here. */
function isMissing(error: unknown): boolean {
  return databaseFault(error)?.code === UNDEFINED_TABLE;
}
