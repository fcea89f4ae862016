import { userInfo } from 'node:os';
import pg from 'pg';
import { findPostgres } from './postgres-programs.js';
import { readTestSettings } from './settings.js';
import { startTestPostgres } from './test-postgres.js';

/** Bulla's SQL runs on PostgreSQL 15 and newer. */
const VERSION_MIN = 150_000;
// A machine that is busy answers late; one without a server refuses at once.
const CONNECT_TIMEOUT_MS = 30_000;

/** A server on which databases can be made. */
export interface TestServer {
  /** Of a database that is always there. */
  readonly url: string;
  readonly reason: string;
  /** Of a cluster of our own: ends it and removes its files. Stopping twice is no error. */
  readonly stop?: () => Promise<void>;
}

export interface TestServerSources {
  /** A server that must answer. Default `BULLA_TEST_DATABASE_URL`. */
  readonly serverUrl?: string | undefined;
  /** Servers that may answer, tried in order. Default: port 5432 of this machine. */
  readonly localUrls?: readonly string[];
  /** Default: a cluster of our own where PostgreSQL is installed. */
  readonly startOwn?: typeof startTestPostgres | undefined;
}

/**
 * The named server, else the one of this machine, else a cluster of our own, else none.
 * @throws {Error} when `BULLA_TEST_DATABASE_URL` is set and does not work: a developer who set it wants that server.
 */
export async function findTestServer(sources: TestServerSources = {}): Promise<TestServer | undefined> {
  const named = 'serverUrl' in sources ? sources.serverUrl : readTestSettings().databaseUrl;
  if (named !== undefined) {
    await checkServer(named);
    return { url: named, reason: 'the server named by BULLA_TEST_DATABASE_URL' };
  }
  for (const url of sources.localUrls ?? localServers()) {
    try {
      await checkServer(url);
      return { url, reason: 'the PostgreSQL of this machine' };
    } catch {
      // Not running, too old or not for us: the next one will do as well.
    }
  }
  const startOwn = 'startOwn' in sources ? sources.startOwn : findPostgres() && startTestPostgres;
  if (startOwn === undefined) return undefined;
  const own = await startOwn();
  return { url: own.url, reason: 'a PostgreSQL cluster of our own', stop: () => own.stop() };
}

/** Does something as a client of a database. */
export async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A server that dies while we are idle tells the client so; without a listener that ends the process.
  client.on('error', () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function localServers(): string[] {
  const users = [...new Set(['postgres', userInfo().username])];
  return users.map((user) => `postgresql://${encodeURIComponent(user)}@127.0.0.1:5432/postgres`);
}

async function checkServer(url: string): Promise<void> {
  const asked = `SELECT current_setting('server_version_num')::int AS version, rolcreatedb OR rolsuper AS makes
    FROM pg_roles WHERE rolname = current_user`;
  const { rows } = await withClient(url, (client) => client.query<{ version: number; makes: boolean }>(asked));
  const [row] = rows;
  if ((row?.version ?? 0) < VERSION_MIN) throw new Error('this PostgreSQL is older than 15');
  if (row?.makes !== true) throw new Error('this user of PostgreSQL may make no databases');
}
