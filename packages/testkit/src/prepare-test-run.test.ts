import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDatabase, databaseForTest } from './database-for-test.js';
import { folderForTest, pgliteForTest, placePglite } from './pglite-for-test.js';
import { findPostgres } from './postgres-programs.js';
import type { Preparations } from './prepare-test-run.js';
import { prepareTestRun } from './prepare-test-run.js';
import { readTestSettings, writeRunSetting } from './settings.js';
import { makeFolder } from './run-folders.js';
import { announceRun, currentRun, prefixOf } from './test-run.js';
import { startTestPostgres, type TestPostgres } from './test-postgres.js';
import { withClient } from './test-server.js';

const NO_SERVER = { serverUrl: undefined, localUrls: [], startOwn: undefined };
const kept = mkdtempSync(join(tmpdir(), 'bulla-kept-'));
afterAll(() => rmSync(kept, { recursive: true }));
const complaints: string[] = [];
const preparations: Preparations = {
  migrateServer: (url) => withClient(url, async (client) => void (await client.query('CREATE TABLE made (a int)'))),
  newPglite: async () => kept,
  migratePglite: async (dataDir) => writeFileSync(join(dataDir, 'made'), 'once'),
  complain: (message) => complaints.push(message),
};

// These tests may belong to a run themselves.
const around = readTestSettings().run;
beforeEach(() => {
  announceRun(undefined);
  complaints.length = 0;
});
afterEach(() => writeRunSetting(around));

const ended = () => prefixOf(spawnSync(process.execPath, ['--version']).pid);

describe('a run without a server', () => {
  it('has one folder for the embedded database, of which each test gets a copy', async () => {
    const end = await prepareTestRun(preparations, NO_SERVER);
    const { pglite, server } = currentRun();
    expect([server, pglite?.empty]).toEqual([undefined, kept]);
    const [one, two] = [pgliteForTest(), pgliteForTest()];
    expect(one.dataDir).not.toBe(two.dataDir);
    writeFileSync(join(one.dataDir, 'made'), 'changed');
    expect(readFileSync(join(two.dataDir, 'made'), 'utf8')).toBe('once');
    expect(() => placePglite(two.dataDir)).toThrow(expect.objectContaining({ code: 'ERR_FS_CP_EEXIST' }));
    const empty = pgliteForTest({ empty: true });
    expect(readdirSync(empty.dataDir)).toEqual([]);
    const forgotten = folderForTest('home');
    await one.remove();
    expect(existsSync(one.dataDir)).toBe(false);
    await end();
    // The new one is for the next run as well.
    expect([pglite?.migrated, two.dataDir, forgotten, kept].map((path) => existsSync(path ?? ''))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(currentRun()).toEqual({ prefix: prefixOf(process.pid) });
  });

  it('goes on without what could not be made, and says so', async () => {
    const fail = () => Promise.reject(new Error('no space'));
    for (const [failing, empty] of [
      [{ newPglite: fail }, false],
      [{ migratePglite: fail }, true],
    ] as const) {
      const end = await prepareTestRun({ ...preparations, ...failing }, NO_SERVER);
      expect(complaints.splice(0)).toEqual([expect.stringContaining('no space')]);
      const folders = [pgliteForTest(), pgliteForTest({ empty: true })];
      expect(folders.map(({ dataDir }) => existsSync(dataDir))).toEqual([false, empty]);
      await end();
    }
  });

  it('removes folders of dead runs only', async () => {
    const none = join(kept, 'none');
    // In memory where there is some, and on the disk.
    const folders = [ended(), prefixOf(1)].flatMap((prefix) => [
      makeFolder(`${prefix}_run-`),
      makeFolder(`${prefix}_run-`, none),
    ]);
    expect(folders.filter((folder) => folder.startsWith(tmpdir()))).toEqual(
      expect.arrayContaining([folders[1], folders[3]]),
    );
    await (await prepareTestRun(preparations, NO_SERVER))();
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, false, true, true]);
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('fails where the named server does not answer', async () => {
    const serverUrl = 'postgresql://postgres@127.0.0.1:1/postgres';
    await expect(prepareTestRun(preparations, { serverUrl })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

it('a process without a run has no folder to copy', async () => {
  const { dataDir, remove } = pgliteForTest();
  expect(existsSync(dataDir)).toBe(false);
  await remove();
});

// Where no server is installed these tests cannot mean anything; the others still run.
(findPostgres() === undefined ? describe.skip : describe)('a run with a server', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startTestPostgres();
  });
  afterAll(() => server.stop());

  const names = async () =>
    withClient(server.url, async (client) => {
      const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database');
      return rows.map(({ datname }) => datname).filter((name) => name.startsWith('bulla_run_'));
    });
  const tables = (url = '') =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
      );
      return rows.map(({ name }) => name);
    });

  it('has one migrated database, of which each test gets a copy unless it wants an empty one', async () => {
    const end = await prepareTestRun(preparations, { serverUrl: server.url });
    const [one, two] = await Promise.all([databaseForTest(), databaseForTest()]);
    const empty = await databaseForTest({ empty: true });
    expect([await tables(one.url), await tables(two.url), await tables(empty.url)]).toEqual([['made'], ['made'], []]);
    expect(one.reason).toContain('BULLA_TEST_DATABASE_URL');
    const setting = await withClient(one.url ?? '', (client) => client.query('SHOW synchronous_commit'));
    expect(setting.rows).toEqual([{ synchronous_commit: 'off' }]);
    await one.drop();
    await one.drop();
    // The one to copy, and what two tests forgot.
    expect(await names()).toHaveLength(3);
    await end();
    expect(await names()).toEqual([]);
  });

  it('goes on with empty databases where the migrations fail, and says so', async () => {
    const migrateServer = () => Promise.reject(new Error('no such column'));
    const end = await prepareTestRun({ ...preparations, migrateServer }, { serverUrl: server.url });
    expect(complaints).toEqual([expect.stringContaining('no such column')]);
    const database = await databaseForTest();
    expect(await tables(database.url)).toEqual([]);
    await end();
  });

  it('removes databases of dead runs only, whoever is connected', async () => {
    announceRun({ prefix: ended() });
    await createDatabase(server.url);
    announceRun({ prefix: prefixOf(1) });
    const alive = await createDatabase(server.url);
    await (await prepareTestRun(preparations, { serverUrl: server.url }))();
    expect(await names()).toEqual([alive]);
    await withClient(server.url, (client) => client.query(`DROP DATABASE ${alive}`));
  });

  it('ends the cluster that it started', async () => {
    let own: TestPostgres | undefined;
    const startOwn = async () => (own = await startTestPostgres());
    const end = await prepareTestRun(preparations, { serverUrl: undefined, localUrls: [], startOwn });
    const database = await databaseForTest();
    expect([await tables(database.url), database.reason]).toEqual([['made'], expect.stringContaining('our own')]);
    await end();
    await expect(withClient(own?.url ?? '', async () => {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
