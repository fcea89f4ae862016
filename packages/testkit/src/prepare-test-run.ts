import { join } from 'node:path';
import { createDatabase, databaseUrl, dropDatabase } from './database-for-test.js';
import { copyFolder, makeFolder, removeFolders } from './run-folders.js';
import { announceRun, isLeftover, prefixOf, type TestRun } from './test-run.js';
import { findTestServer, type TestServerSources, withClient } from './test-server.js';

/** Makes what tests get copies of; it must be closed afterwards. */
export interface Preparations {
  /** Migrates an empty database. */
  migrateServer(url: string): Promise<void>;
  /** A folder with a new embedded database, which stays as it is: runs may share it. */
  newPglite(): Promise<string>;
  /** Opens and migrates an embedded database, and closes it. */
  migratePglite(dataDir: string): Promise<void>;
  /** What cannot be prepared: the tests are slower then, and say themselves what is wrong. */
  complain(message: string): void;
}

/**
 * Chooses the server of a run of tests once and prepares what `databaseForTest` and `pgliteForTest` copy, in this
 * process and those that it starts from now on. What dead runs left behind is removed.
 * @returns what removes all of it, and what the tests forgot
 * @throws {Error} when `BULLA_TEST_DATABASE_URL` is set and does not work
 */
export async function prepareTestRun(
  preparations: Preparations,
  sources: TestServerSources = {},
): Promise<() => Promise<void>> {
  const prefix = prefixOf(process.pid);
  const server = await findTestServer(sources);
  const folder = makeFolder(`${prefix}_run-`);
  const run: TestRun = { prefix, ...(server && { server: { url: server.url, reason: server.reason } }) };
  announceRun(run);
  async function end(): Promise<void> {
    announceRun(undefined);
    removeFolders((name) => name.startsWith(`${prefix}_`));
    if (server?.stop !== undefined) await server.stop();
    else if (server !== undefined) await dropDatabases(server.url, (name) => name.startsWith(`${prefix}_`));
  }
  try {
    removeFolders(isLeftover);
    if (server !== undefined && server.stop === undefined) await dropDatabases(server.url, isLeftover);
    const [template, pglite] = await Promise.all([
      server && prepared(() => makeTemplate(server.url, preparations), 'database', preparations),
      makePglite(join(folder, 'pglite'), preparations),
    ]);
    announceRun({ ...run, ...(template && { template }), ...(pglite && { pglite }) });
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

async function prepared<Made>(make: () => Promise<Made>, what: string, preparations: Preparations) {
  try {
    return await make();
  } catch (error) {
    preparations.complain(`the ${what} that tests copy was not made: ${String(error)}`);
    return undefined;
  }
}

async function makeTemplate(serverUrl: string, preparations: Preparations): Promise<string> {
  const name = await createDatabase(serverUrl);
  await preparations.migrateServer(databaseUrl(serverUrl, name));
  // A database that somebody is connected to, if only the server's own cleaning, cannot be copied.
  await withClient(serverUrl, (client) => client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`));
  return name;
}

async function makePglite(dataDir: string, preparations: Preparations): Promise<TestRun['pglite']> {
  const empty = await prepared(() => preparations.newPglite(), 'new PGlite folder', preparations);
  if (empty === undefined) return undefined;
  const migrated = await prepared(() => migrateCopy(empty, dataDir, preparations), 'PGlite folder', preparations);
  return { empty, ...(migrated && { migrated }) };
}

async function migrateCopy(empty: string, dataDir: string, preparations: Preparations): Promise<string> {
  copyFolder(empty, dataDir);
  await preparations.migratePglite(dataDir);
  return dataDir;
}

async function dropDatabases(serverUrl: string, wanted: (name: string) => boolean): Promise<void> {
  const names = await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
    return rows.map(({ datname }) => datname);
  });
  for (const name of names.filter(wanted)) await dropDatabase(serverUrl, name);
}
