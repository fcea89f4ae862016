import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { describeWithRedis, startRedis, type TestRedis } from '../../../packages/service-kit/test/redis-server.js';
import { type RunningBulla, startBulla } from '../../bulla-process.js';
import { needlesOf } from '../../leaks/needles.js';
import { succeed } from './second-person.js';

// A secret prompt is stored, and neither the database nor Redis knows its words.

const SECRET = 'ask for the policy number before the name of the insured';
const CLAIM = 'the kestrel of the insured flew against the window';
const PLANTED = 'planted where anybody who looks must find it';

const database = await databaseForTest();
const withServer = database.url === undefined ? describe.skip : describeWithRedis;
afterAll(() => database.drop());

withServer('on PostgreSQL and Redis', () => {
  let folder: string;
  let redis: TestRedis;
  let running: RunningBulla;
  let settings: Readonly<Record<string, string>>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-s2-'));
    redis = await startRedis();
    settings = {
      BULLA_HOME: join(folder, 'home'),
      BULLA_DATABASE_URL: database.url ?? '',
      BULLA_REDIS_URL: redis.url,
      BULLA_LOG_LEVEL: 'debug',
    };
    running = await startBulla(settings);
  });
  afterEach(async () => {
    await running.stop();
    await redis.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('nobody who reads every table, every key or the log finds a word of it, or of what it was asked', async () => {
    const file = join(folder, 'triage.md');
    await writeFile(file, `Sort this claim; ${SECRET}.\n\n{{claim}}\n`);
    const pushed = await succeed(
      ['prompt', 'push', 'claims/triage', '-f', file, '--label', 'staging', '-m', 'v1'],
      settings,
    );
    expect(pushed.stdout).toMatch(/^claims\/triage {2}v1 {2}sha256:[\w-]{43} {2}labels: staging, latest\n$/);
    expect(pushed.stderr).toMatch(/sealed on this machine for \d+ recipients/);
    const asked = ['run', 'claims/triage', '--label', 'staging', '--var', 'claim=-'];
    expect((await succeed(asked, settings, CLAIM)).stdout).toContain(CLAIM);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('create table vault.planted (words text)');
      await client.query('insert into vault.planted values ($1)', [PLANTED]);
      const rows = await everyRow(client);
      expect(rows.filter(({ table }) => table === 'vault.prompt_version')).toHaveLength(1);
      expect(found(rows, PLANTED)).toEqual(['vault.planted']);
      expect([...found(rows, SECRET), ...found(rows, CLAIM)]).toEqual([]);
    } finally {
      await client.end();
    }
    const before = await everyKey(redis);
    expect(before.length).toBeGreaterThan(0);
    await redis.admin.set('planted', PLANTED);
    const keys = await everyKey(redis);
    expect(found(keys, PLANTED)).toEqual(['planted']);
    expect([...found(keys, SECRET), ...found(keys, CLAIM)]).toEqual([]);
    const log = running.stdout() + running.stderr();
    expect(log).toContain('"service":"vault"');
    expect(found([{ table: 'log', text: log }], SECRET)).toEqual([]);
    expect(found([{ table: 'log', text: log }], CLAIM)).toEqual([]);
  });
});

interface Row {
  readonly table: string;
  readonly text: string;
}

/** What `select *` shows of every table of both services. */
async function everyRow(client: pg.Client): Promise<Row[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_schema in ('vault', 'responder') and table_type = 'BASE TABLE'`,
  );
  const all: Row[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query<{ text: string }>(`select t::text as text from ${name} t`);
    all.push(...rows.map(({ text }) => ({ table: name, text })));
  }
  return all;
}

/** What Redis keeps under every key, the keys included. */
async function everyKey({ admin }: TestRedis): Promise<Row[]> {
  const all: Row[] = [];
  for (const key of await admin.keys('*')) {
    const type = await admin.type(key);
    if (type !== 'string' && type !== 'hash') throw new Error(`nobody reads a ${type} here`);
    const value = type === 'string' ? await admin.get(key) : JSON.stringify(await admin.hgetall(key));
    all.push({ table: key, text: `${key} ${value}` });
  }
  return all;
}

/** The tables in which a text stands, in any spelling. */
function found(rows: readonly Row[], text: string): string[] {
  const needles = needlesOf(text).map(({ bytes }) => bytes.toString('latin1'));
  const hits = rows.filter((row) =>
    needles.some((needle) => Buffer.from(row.text).toString('latin1').includes(needle)),
  );
  return [...new Set(hits.map(({ table }) => table))];
}
