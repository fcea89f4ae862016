import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import pg from 'pg';
import { findPostgres } from './postgres-programs.js';
import { readTestSettings } from './settings.js';
import { startTestPostgres } from './test-postgres.js';

/** Bulla's SQL runs on PostgreSQL 15 and newer. */
const VERSION_MIN = 150_000;
const CONNECT_TIMEOUT_MS = 2_000;

/** An empty database for one test file. Without `url` the test uses PGlite; `reason` says why it is what it is. */
export interface TestDatabase {
  readonly url: string | undefined;
  readonly reason: string;
  /** Removes it, whoever is still connected. Dropping twice is no error. */
  drop(): Promise<void>;
}

export interface TestDatabaseSources {
  /** A server that must answer. Default `BULLA_TEST_DATABASE_URL`. */
  readonly serverUrl?: string | undefined;
  /** Servers that may answer, tried in order. Default: port 5432 of this machine. */
  readonly localUrls?: readonly string[];
  /** Default: a cluster of our own where PostgreSQL is installed. */
  readonly startOwn?: typeof startTestPostgres | undefined;
}

/**
 * A uniquely named database on the named server, else on the one of this machine, else on a cluster of our own,
 * else none (PGlite).
 * @throws {Error} when `BULLA_TEST_DATABASE_URL` is set and does not work: whoever set it wants that one.
 */
export async function databaseForTest(sources: TestDatabaseSources = {}): Promise<TestDatabase> {
  const named = 'serverUrl' in sources ? sources.serverUrl : readTestSettings().databaseUrl;
  if (named !== undefined) return createDatabase(named, 'the server named by BULLA_TEST_DATABASE_URL');
  for (const url of sources.localUrls ?? localServers()) {
    try {
      return await createDatabase(url, 'the PostgreSQL of this machine');
    } catch {
      // Not running, too old or not for us: the next one will do as well.
    }
  }
  const startOwn = 'startOwn' in sources ? sources.startOwn : findPostgres() && startTestPostgres;
  if (startOwn === undefined) {
    return { url: undefined, reason: 'PGlite, since no PostgreSQL answers or is installed here', drop: async () => {} };
  }
  const server = await startOwn();
  return { url: server.url, reason: 'a PostgreSQL cluster of our own', drop: () => server.stop() };
}

function localServers(): string[] {
  const users = [...new Set(['postgres', userInfo().username])];
  return users.map((user) => `postgresql://${encodeURIComponent(user)}@127.0.0.1:5432/postgres`);
}

async function createDatabase(serverUrl: string, reason: string): Promise<TestDatabase> {
  const name = `bulla_test_${randomBytes(8).toString('hex')}`;
  await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int AS version`,
    );
    if ((rows[0]?.version ?? 0) < VERSION_MIN) throw new Error('this PostgreSQL is older than 15');
    await client.query(`CREATE DATABASE ${name}`);
  });
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const drop = () =>
    withClient(serverUrl, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)));
  return { url: url.href, reason, drop };
}

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A server that dies while we are idle tells the client so; without a listener that ends the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
