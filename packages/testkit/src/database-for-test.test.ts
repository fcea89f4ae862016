import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { databaseForTest } from './database-for-test.js';
import { findPostgres } from './postgres-programs.js';
import { readTestSettings } from './settings.js';
import { startTestPostgres, type TestPostgres } from './test-postgres.js';

const NOBODY = 'postgresql://postgres@127.0.0.1:1/postgres';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

// Where no server is installed these tests cannot mean anything; the others still run.
(findPostgres() === undefined ? describe.skip : describe)('with a server', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startTestPostgres();
  });
  afterAll(() => server.stop());

  const databases = async () =>
    (await query(server.url, `SELECT datname FROM pg_database WHERE datname LIKE 'bulla_run_%'`)).length;

  it('makes a database with a name of its own on the named server, and drops it while it is in use', async () => {
    const [one, two] = await Promise.all([
      databaseForTest({ serverUrl: server.url }),
      databaseForTest({ serverUrl: server.url }),
    ]);
    expect(one.url).not.toBe(two.url);
    expect(one.reason).toContain('BULLA_TEST_DATABASE_URL');
    expect(await databases()).toBe(2);
    const client = new pg.Client({ connectionString: one.url });
    client.on('error', () => {});
    await client.connect();
    for (const database of [one, one, two]) await database.drop();
    expect(await databases()).toBe(0);
    await client.end();
  });

  it('takes the first server of this machine that answers', async () => {
    const database = await databaseForTest({ serverUrl: undefined, localUrls: [NOBODY, server.url] });
    expect(database.reason).toContain('of this machine');
    expect(await query(database.url as string, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.drop();
  });

  it('starts a cluster of its own where none answers, and stops it', async () => {
    let own: TestPostgres | undefined;
    const startOwn = async () => (own = await startTestPostgres());
    const database = await databaseForTest({ serverUrl: undefined, localUrls: [NOBODY], startOwn });
    expect(database).toMatchObject({ url: own?.url, reason: expect.stringContaining('our own') });
    await database.drop();
    await expect(query(database.url as string, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

it('finds a database on this machine without being told, or says PGlite', async () => {
  const database = await databaseForTest();
  expect(database.reason).not.toBe('');
  await database.drop();
});

it('says PGlite where there is no server and none is installed', async () => {
  const database = await databaseForTest({ serverUrl: undefined, localUrls: [], startOwn: undefined });
  expect(database).toMatchObject({ url: undefined, reason: expect.stringContaining('PGlite') });
  await database.drop();
});

it('fails when the named server does not answer', async () => {
  await expect(databaseForTest({ serverUrl: NOBODY })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('reads the server and the search path from the environment', () => {
  expect(readTestSettings({ BULLA_TEST_DATABASE_URL: NOBODY, PATH: '/a::/b' })).toEqual({
    databaseUrl: NOBODY,
    path: ['/a', '/b'],
    worker: 0,
    seed: undefined,
    long: false,
  });
  expect(readTestSettings({ BULLA_TEST_DATABASE_URL: '' })).toMatchObject({ databaseUrl: undefined, path: [] });
  expect(readTestSettings({ JEST_WORKER_ID: '2', BULLA_TEST_SEED: '7', BULLA_TEST_LONG: '1' })).toMatchObject({
    worker: 2,
    seed: 7,
    long: true,
  });
});
