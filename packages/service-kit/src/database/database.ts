import { availableParallelism } from 'node:os';
import { Socket } from 'node:net';
import type { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect, sql } from 'kysely';
import type { Dialect } from 'kysely';
import type { Migration, MigrationInfo } from 'kysely/migration';
import { DEFAULT_MIGRATION_TABLE, Migrator } from 'kysely/migration';
import pg from 'pg';
import { CurrentConnections } from './current-connections.js';
import { databaseFault } from './database-fault.js';
import { databaseTrouble } from './database-trouble.js';
import { pgTypes } from './database-types.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import { SettingsError } from '../process/settings.js';

const DATABASE_CONNECTION_LOST = new LogEvent<{ schema: string; errorCode: string }>(
  'database-connection-lost',
  'warn',
);
const DATABASE_MIGRATED = new LogEvent<{ schema: string; migrations: number }>('database-migrated', 'info');

export interface DatabaseOptions {
  /** A server, or the embedded instance that the caller opened and will close. */
  readonly from: { readonly url: string } | { readonly pglite: PGlite };
  /** Every table of the service lives in it; made when absent. */
  readonly schema: string;
  /** By name, run in the order of their names. */
  readonly migrations: Readonly<Record<string, Migration>>;
  readonly log: EventLog;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Connections to a server at most; four for each core, at least ten, unless given. */
  readonly poolMax?: number | undefined;
}

export type MigrateHow = 'auto' | 'check' | 'off';

/** How many connections to a server there are. */
export interface PoolState {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** The database of one service: Kysely bound to its schema. The search path is never set. */
export interface Database<Tables> {
  readonly db: Kysely<Tables>;
  readonly schema: string;
  /**
   * Brings the schema up to date; several processes at once are serialised by a lock.
   * @param how to look only, or not even that, where somebody else brings it up to date.
   * @throws {SettingsError} when it was only looked at and is older than this program; {DatabaseTrouble} where a server
   *   cannot be used
   */
  migrate(how?: MigrateHow): Promise<void>;
  /** The time of the database, in milliseconds since 1970, within a second or two; throws when it does not answer. */
  nowMs(): Promise<number>;
  /**
   * Does some work unless another process is at it: one of all that use this database, by a lock of the server that ends
   * with the connection. The embedded database belongs to one process.
   * @returns whether it was done here
   */
  exclusively(name: string, work: () => Promise<void>): Promise<boolean>;
  poolState(): PoolState;
  /** Closes what {@link connectDatabase} opened: the pool, never a PGlite instance. */
  close(): Promise<void>;
}

const POOL_MIN = 10;
const POOL_PER_CORE = 4;
/** Also how long a request waits for a free connection. */
const CONNECT_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** Also how long a request waits for another with the same Idempotency-Key (protocol.md §6). */
const LOCK_TIMEOUT_MS = 2_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** Longer than the server lets any statement take: who says nothing for so long hangs, and its connection is given up. */
const SILENCE_MAX_MS = 12_000;
const MIGRATION_LOCK_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 2_000;
const UNDEFINED_TABLE = '42P01';

/** Opens the database of a service. No connection is made before the first statement. */
export function connectDatabase<Tables>(options: DatabaseOptions): Database<Tables> {
  return 'url' in options.from ? onServer(options, options.from.url) : embedded(options, options.from.pglite);
}

function onServer<Tables>(options: DatabaseOptions, url: string): Database<Tables> {
  const settings = {
    connectionString: url,
    application_name: options.applicationName ?? `bulla-${options.schema}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: pgTypes,
  };
  const pool = openPool(options, {
    ...settings,
    max: options.poolMax ?? Math.max(POOL_MIN, POOL_PER_CORE * availableParallelism()),
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    stream: impatientSocket,
  });
  const root = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new CurrentConnections(pool) }) });
  return {
    ...facade(options, root),
    async migrate(how) {
      if (how === 'off') return;
      // Its own connections: a migration, or the wait for another process's, may take longer than a statement.
      const dialect = new PostgresDialect({
        pool: openPool(options, { ...settings, max: 2, lock_timeout: MIGRATION_LOCK_TIMEOUT_MS }),
      });
      try {
        await migrate(options, dialect, { how });
      } catch (error) {
        throw databaseTrouble(error, url) ?? error;
      }
    },
    exclusively: (name, work) => root.connection().execute((held) => alone(held, `${options.schema} ${name}`, work)),
    poolState: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => root.destroy(),
  };
}

function embedded<Tables>(options: DatabaseOptions, pglite: PGlite): Database<Tables> {
  const root = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
  return {
    ...facade(options, root),
    // Through a Kysely of its own that is never destroyed: destroying one closes the shared instance.
    migrate: async (how) => {
      if (how !== 'off') await migrate(options, new PGliteDialect({ pglite }), { how, keepOpen: true });
    },
    async exclusively(_name, work) {
      await work();
      return true;
    },
    poolState: () => ({ total: 1, idle: 1, waiting: 0 }),
    close: async () => {},
  };
}

/** The pool waits for what is done with a new connection, although its types do not say so. */
interface PoolSettings extends Omit<pg.PoolConfig, 'onConnect'> {
  readonly onConnect: (client: pg.ClientBase) => Promise<void>;
}

function openPool(options: DatabaseOptions, settings: pg.PoolConfig): pg.Pool {
  const all: PoolSettings = {
    ...settings,
    // Not a parameter of the start: an address may have `options` of its own, and a pooler may keep parameters back.
    onConnect: commitDurably, // guard: durable-commits
  };
  const pool = new pg.Pool(all);
  // A connection that breaks while nothing is asked of it says so here; without a listener that would end the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      const errorCode = databaseFault(error)?.code ?? 'unknown';
      options.log.write(DATABASE_CONNECTION_LOST, { schema: options.schema, errorCode });
    });
  });
  // The pool repeats what its idle connections said.
  pool.on('error', () => {});
  return pool;
}

/**
 * What was answered must be there after a crash of the server. Settings of server, database, role and address must not
 * change that: a nonce or a claim that is lost could come back (protocol.md §6).
 */
async function commitDurably(client: pg.ClientBase): Promise<void> {
  await client.query('set synchronous_commit to on');
}

/** Ends when nothing comes for too long. A time-out of the query would leave the connection in the pool, out of step. */
function impatientSocket(): Socket {
  const socket = new Socket();
  return socket.setTimeout(SILENCE_MAX_MS, () => socket.destroy());
}

function facade<Tables>(
  options: DatabaseOptions,
  root: Kysely<Tables>,
): Pick<Database<Tables>, 'db' | 'schema' | 'nowMs'> {
  return {
    db: root.withSchema(options.schema),
    schema: options.schema,
    async nowMs() {
      const now = sql<{ ms: number }>`select (extract(epoch from clock_timestamp()) * 1000)::int8 as ms`.execute(root);
      const { rows } = await withTimeout(now, ANSWER_TIMEOUT_MS);
      return rows[0]?.ms ?? Number.NaN;
    },
  };
}

async function migrate(
  options: DatabaseOptions,
  dialect: Dialect,
  { how = 'auto', keepOpen = false }: { readonly how?: MigrateHow | undefined; readonly keepOpen?: boolean },
): Promise<void> {
  const root = new Kysely<unknown>({ dialect });
  try {
    if (await isCurrent(root, options)) {
      options.log.write(DATABASE_MIGRATED, { schema: options.schema, migrations: 0 });
      return;
    }
    const migrator = new Migrator({
      db: root.withSchema(options.schema),
      provider: { getMigrations: () => Promise.resolve({ ...options.migrations }) },
      migrationTableSchema: options.schema,
    });
    if (how === 'check') return requireCurrent(await migrator.getMigrations());
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error as Error;
    options.log.write(DATABASE_MIGRATED, { schema: options.schema, migrations: results.length });
  } finally {
    if (!keepOpen) await root.destroy();
  }
}

/**
 * Whether all migrations have run, and no others. Kysely's migrator looks through the whole catalogue to find that out: the
 * better part of a start on the embedded database.
 */
async function isCurrent(root: Kysely<unknown>, { schema, migrations }: DatabaseOptions): Promise<boolean> {
  try {
    const table = sql.id(schema, DEFAULT_MIGRATION_TABLE);
    const { rows } = await sql<{ name: string }>`select name from ${table}`.execute(root);
    const names = Object.keys(migrations);
    return rows.length === names.length && rows.every(({ name }) => names.includes(name));
  } catch (error) {
    if (databaseFault(error)?.code === UNDEFINED_TABLE) return false;
    throw error;
  }
}

function requireCurrent(migrations: readonly MigrationInfo[]): void {
  if (migrations.every(({ executedAt }) => executedAt !== undefined)) return;
  throw new SettingsError([
    'BULLA_MIGRATE: it is check, and the database is older than this program; start one with auto, and this one after it',
  ]);
}

/** PostgreSQL's advisory lock of a name, held by this connection while the work goes on over others. */
async function alone<Tables>(held: Kysely<Tables>, name: string, work: () => Promise<void>): Promise<boolean> {
  const key = sql`hashtextextended(${name}, 0)`;
  const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_lock(${key}) as taken`.execute(held);
  // guard: chore-alone without: if (rows.length > 1) return false;
  if (rows[0]?.taken !== true) return false;
  try {
    await work();
    return true;
  } finally {
    await sql`select pg_advisory_unlock(${key})`.execute(held);
  }
}

async function withTimeout<Value>(work: Promise<Value>, timeoutMs: number): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    reject,
    timeoutMs,
    Object.assign(new Error('the database did not answer'), { code: 'ETIMEDOUT' }),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
