import { databaseForTest, pgliteForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import pg from 'pg';
import { connectDatabase, databaseFault, EventLog, openPglite } from '../src/index.js';
import type { Database } from '../src/index.js';
import { problemOf } from '../src/edge/problem-of.js';
import { describeOnServer, stores } from './stores.js';

interface Tables {
  cell: { id: number; bytes: Uint8Array; big: number; at: Date; json: unknown };
}

const migrations: Record<string, Migration> = {
  '0001-cell': {
    async up(db) {
      await db.schema
        .createTable('cell')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('bytes', 'bytea')
        .addColumn('big', 'bigint')
        .addColumn('at', 'timestamptz')
        .addColumn('json', 'jsonb')
        .execute();
    },
  },
};

const lines: string[] = [];
const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
let url: string;
let found: Awaited<ReturnType<typeof databaseForTest>>;
beforeAll(async () => {
  found = await databaseForTest({ empty: true });
  url = found.url ?? '';
});
afterAll(() => found.drop());

const onServer = (options: { schema?: string; poolMax?: number; url?: string } = {}): Database<Tables> =>
  connectDatabase({ schema: 'cells', migrations, log, ...options, from: { url: options.url ?? url } });

/** What the connection that answers says of its commits. */
async function settingOf(db: unknown): Promise<string> {
  const { rows } = await sql<{ synchronous_commit: string }>`show synchronous_commit`.execute(db as Kysely<unknown>);
  return rows[0]?.synchronous_commit ?? '';
}

describe.each(stores)('on %s', (store) => {
  let database: Database<Tables>;
  let close: () => Promise<void>;
  beforeAll(async () => {
    if (store === 'PostgreSQL') {
      database = onServer();
      close = () => database.close();
    } else {
      const { dataDir, remove } = pgliteForTest({ empty: true });
      const pglite = await openPglite(dataDir);
      database = connectDatabase({ from: { pglite }, schema: 'cells', migrations, log });
      close = () => pglite.close().then(remove);
    }
    await database.migrate();
  });
  afterAll(() => close());
  beforeEach(() => database.db.deleteFrom('cell').execute());

  it('columns come back alike', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const row = { id: 1, bytes: new Uint8Array([0, 255, 92]), big: 2 ** 53 - 1, at, json: JSON.stringify({ a: [1] }) };
    await database.db.insertInto('cell').values(row).execute();
    const [read] = await database.db.selectFrom('cell').selectAll().execute();
    expect(read).toMatchObject({ id: 1, big: 2 ** 53 - 1, json: { a: [1] } });
    expect(read?.at.getTime()).toBe(at.getTime());
    expect(Object.getPrototypeOf(read?.bytes)?.constructor.name).toBe('Uint8Array');
    expect([...(read?.bytes ?? [])]).toEqual([0, 255, 92]);
    const { rows } = await sql<{ n: number }>`select count(*) as n from cells.cell`.execute(database.db);
    expect(rows[0]?.n).toBe(1);
  });

  it('an int8 that a number cannot hold is an error, not another number', async () => {
    await expect(sql`select 9007199254740993::int8 as n`.execute(database.db)).rejects.toThrow(/safe integer/);
  });

  it('migrations run again change nothing, and the tables lie in the schema', async () => {
    await expect(Promise.all([database.migrate(), database.migrate(), database.migrate()])).resolves.toHaveLength(3);
    const { rows } = await sql<{ schema: string; name: string }>`
      select table_schema as schema, table_name as name from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema')`.execute(database.db);
    // Other tests have schemas of their own.
    expect(rows.filter(({ schema }) => schema === 'public')).toEqual([]);
    const own = rows.filter(({ schema }) => schema === 'cells').map(({ name }) => name);
    expect(own.toSorted()).toEqual(['cell', 'kysely_migration', 'kysely_migration_lock']);
  });

  it('commits are on the disk before they are answered', async () => {
    expect(await settingOf(database.db)).toBe('on');
  });

  it('answers with its time', async () => {
    const before = Date.now();
    const now = await database.nowMs();
    expect(Number.isSafeInteger(now) && Math.abs(now - before) < 60_000).toBe(true);
    expect(database.poolState().total).toBeGreaterThan(0);
  });

  it('a broken constraint is told by its name', async () => {
    await database.db
      .insertInto('cell')
      .values({ id: 7, bytes: new Uint8Array(), big: 0, at: new Date(), json: '{}' })
      .execute();
    const again = database.db
      .insertInto('cell')
      .values({ id: 7, bytes: new Uint8Array(), big: 0, at: new Date(), json: '{}' })
      .execute();
    const fault = await again.catch((error: unknown) => databaseFault(error));
    expect(fault).toEqual({ code: '23505', constraint: 'cell_pkey' });
  });
});

describeOnServer('on PostgreSQL', () => {
  it('every connection waits until its commits are on the disk, whatever server, role and address say [guard: durable-commits]', async () => {
    const name = new URL(url).pathname.slice(1);
    const durable = onServer();
    await sql`alter database ${sql.id(name)} set synchronous_commit to off`.execute(durable.db);
    await durable.close();
    const careless = new URL(url);
    careless.searchParams.set('options', '-c synchronous_commit=off');
    const seen: string[] = [];
    // Migrations have connections of their own.
    const noting: Record<string, Migration> = {
      '0001-noting': {
        async up(db) {
          seen.push(await settingOf(db));
        },
      },
    };
    for (const address of [url, careless.href]) {
      const schema = `durable_${seen.length}`;
      const database = connectDatabase<Tables>({ from: { url: address }, schema, migrations: noting, log, poolMax: 3 });
      await database.migrate();
      // More at once than there are connections: each is seen.
      seen.push(...(await Promise.all(Array.from({ length: 9 }, () => settingOf(database.db)))));
      await database.close();
    }
    expect(seen).toEqual(Array.from({ length: 20 }, () => 'on'));
  });

  it('three processes that migrate at once are one after the other', async () => {
    const databases = [1, 2, 3].map(() => onServer({ schema: 'together' }));
    await expect(Promise.all(databases.map((database) => database.migrate()))).resolves.toHaveLength(3);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('a migration that fails is an error and leaves nothing', async () => {
    const failing: Record<string, Migration> = {
      '0001-half': {
        async up(db) {
          await db.schema.createTable('half').addColumn('id', 'integer').execute();
          await sql`select canary from nowhere`.execute(db);
        },
      },
    };
    const database = connectDatabase<Tables>({ from: { url }, schema: 'failing', migrations: failing, log });
    await expect(database.migrate()).rejects.toMatchObject({ code: '42P01' });
    const { rows } = await sql`select 1 from information_schema.tables where table_name = 'half'`.execute(database.db);
    expect(rows).toEqual([]);
    await database.close();
  });

  it('a database is only looked at, or not even that, where a setting says so', async () => {
    const database = onServer({ schema: 'looked_at' });
    const tables = async () =>
      (await sql`select 1 from information_schema.tables where table_schema = 'looked_at'`.execute(database.db)).rows;
    await database.migrate('off');
    await expect(database.migrate('check')).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/^BULLA_MIGRATE: /),
    });
    expect(await tables()).toEqual([]);
    await database.migrate();
    await expect(database.migrate('check')).resolves.toBeUndefined();
    await database.close();
  });

  it('no server is a lost connection', async () => {
    const database = onServer({ url: 'postgresql://nobody@127.0.0.1:1/none' });
    const error: unknown = await database.nowMs().catch((refused: unknown) => refused);
    expect(databaseFault(error)).toEqual({ code: 'ECONNREFUSED' });
    await database.close();
  });

  it('a pool that is used up says so in time', async () => {
    const database = onServer({ poolMax: 1 });
    const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
    const holding = database.db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx);
      await allowed;
    });
    const fault = await sql`select 1`.execute(database.db).catch((error: unknown) => databaseFault(error));
    expect(fault).toEqual({ code: 'connection_lost' });
    allow();
    await holding;
    await database.close();
  });

  it('a connection that dies is replaced, and the log says so without the reason in words', async () => {
    const database = onServer({ poolMax: 1 });
    const pid = async () =>
      (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db)).rows[0]?.pid;
    const first = await pid();
    const killer = new pg.Client({ connectionString: url });
    await killer.connect();
    await killer.query('select pg_terminate_backend($1)', [first]);
    await killer.end();
    const lost = '"event":"database-connection-lost","schema":"cells","errorCode":"57P01"';
    while (!lines.join('').includes(lost)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await pid()).not.toBe(first);
    await database.close();
  });

  it('connections to a server that takes no writes any more are not used again', async () => {
    const database = onServer({ schema: 'demoted', poolMax: 1 });
    await database.migrate();
    const pid = async () =>
      (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db)).rows[0]?.pid;
    const first = await pid();
    expect(await pid()).toBe(first);
    await sql`set default_transaction_read_only = on`.execute(database.db);
    const row = { id: 1, bytes: new Uint8Array(), big: 0, at: new Date(), json: '{}' };
    const insert = () => database.db.insertInto('cell').values(row).execute();
    expect(await insert().catch((error: unknown) => problemOf(error))).toMatchObject({ code: 'overloaded' });
    expect(await pid()).not.toBe(first);
    await insert();
    await database.close();
  });

  it('what is asked for again and again is prepared once for each connection', async () => {
    const database = onServer({ schema: 'prepared', poolMax: 1 });
    await database.migrate();
    const prepared = async () =>
      (await sql<{ text: string }>`select statement as text from pg_prepared_statements`.execute(database.db)).rows;
    const count = () => database.db.selectFrom('cell').select('id').where('id', '=', 1).execute();
    for (let times = 0; times < 4; times++) await count();
    expect(await prepared()).toEqual([]);
    for (let times = 0; times < 4; times++) await count();
    expect(await prepared()).toEqual([{ text: 'select "id" from "prepared"."cell" where "id" = $1' }]);
    await database.close();
  });

  it('a statement whose table was migrated meanwhile fails once, as what passes, and is prepared anew', async () => {
    const database = onServer({ schema: 'migrated', poolMax: 1 });
    await database.migrate();
    const read = () => database.db.selectFrom('cell').selectAll().where('id', '=', 1).execute();
    for (let times = 0; times < 8; times++) await read();
    await sql`alter table migrated.cell add column more integer`.execute(database.db);
    expect(await read().catch((error: unknown) => problemOf(error))).toMatchObject({ code: 'overloaded' });
    for (let times = 0; times < 8; times++) expect(await read()).toEqual([]);
    await database.close();
  });

  it('sessions have their bounds, and the search path is nobody’s', async () => {
    const database = onServer();
    const setting = async (name: string) =>
      (await sql<{ value: string }>`select current_setting(${name}) as value`.execute(database.db)).rows[0]?.value;
    expect(await setting('statement_timeout')).toBe('10s');
    expect(await setting('lock_timeout')).toBe('2s');
    expect(await setting('idle_in_transaction_session_timeout')).toBe('10s');
    expect(await setting('application_name')).toBe('bulla-cells');
    expect(await setting('search_path')).toBe('"$user", public');
    await database.close();
  });

  it('a closed pool is a lost connection', async () => {
    const database = onServer();
    await database.nowMs();
    await database.close();
    await expect(database.nowMs()).rejects.toThrow(/destroyed/);
  });
});
