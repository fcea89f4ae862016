import { randomBytes } from 'node:crypto';
import { currentRun } from './test-run.js';
import { findTestServer, type TestServerSources, withClient } from './test-server.js';

/** A database for one test file. Without `url` the test uses PGlite; `reason` says why it is what it is. */
export interface TestDatabase {
  readonly url: string | undefined;
  readonly reason: string;
  /** Removes it, even where clients are still connected. Dropping twice is no error. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions extends TestServerSources {
  /** Nothing is in it, for tests of migrations. Without it the tables of the services may be there already. */
  readonly empty?: boolean;
}

/**
 * A uniquely named database: on the server of the run a copy of its migrated database; in a process that belongs to no
 * run an empty one on the named server, else on the one of this machine, else on a cluster of our own, else none
 * (PGlite). A test migrates it in either case: where all is done that does nothing.
 * @throws {Error} when `BULLA_TEST_DATABASE_URL` is set and does not work: a developer who set it wants that server.
 */
export async function databaseForTest({ empty = false, ...sources }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { server, template } = currentRun();
  if (server !== undefined && Object.keys(sources).length === 0) {
    const name = await createDatabase(server.url, empty ? undefined : template);
    await forgoDurability(server.url, name);
    return madeOn(server.url, name, server.reason);
  }
  const found = await findTestServer(sources);
  if (found === undefined) {
    return { url: undefined, reason: 'PGlite, since no PostgreSQL answers or is installed here', drop: async () => {} };
  }
  const { url, reason, stop } = found;
  if (stop !== undefined) return { url, reason, drop: stop };
  return madeOn(url, await createDatabase(url), reason);
}

/** The address of another database of a server. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Makes a database whose name tells which process made it. */
export async function createDatabase(serverUrl: string, template?: string): Promise<string> {
  const name = `${currentRun().prefix}_${randomBytes(8).toString('hex')}`;
  const copying = template === undefined ? '' : ` TEMPLATE ${template}`;
  await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}${copying}`));
  return name;
}

/** Removes a database, even where clients are connected. One that is gone is no error. */
export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

/** Nothing of a test outlives a crash of the server, so that its commits need not wait for the disk. */
async function forgoDurability(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, (client) => client.query(`ALTER DATABASE ${name} SET synchronous_commit TO off`));
}

function madeOn(serverUrl: string, name: string, reason: string): TestDatabase {
  return { url: databaseUrl(serverUrl, name), reason, drop: () => dropDatabase(serverUrl, name) };
}
