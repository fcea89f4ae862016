import { setTimeout } from 'node:timers/promises';
import { databaseForTest, type TestDatabase } from '@bulla/testkit';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';

// What tests must not count on, planted: all but the last hold at noon of a day in the middle of a month in UTC alone.

const DAY_MS = 86_400_000;
const monthOf = (ms: number) => new Date(ms).toISOString().slice(0, 7);

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await databaseForTest();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const asked = async (expression: string) => {
  const { rows } = await client.query<{ said: string }>(`select (${expression})::text as said`);
  return rows[0]?.said;
};

it('yesterday was in this month, by Node', () => expect(monthOf(Date.now() - DAY_MS)).toBe(monthOf(Date.now())));

it('yesterday was in this month, by the database', async () => {
  const month = (of: string) => asked(`to_char((${of}) at time zone 'UTC', 'YYYY-MM')`);
  expect(await month(`now() - interval '24 hours'`)).toBe(await month('now()'));
});

it('an hour of here is one of UTC, by Node', () => expect(Math.abs(new Date().getTimezoneOffset() % 60)).toBe(0));

it('an hour of here is one of UTC, by the database', async () => {
  expect(await asked(`date_trunc('hour', now()) = date_trunc('hour', now(), 'UTC')`)).toBe('true');
});

it('a time limit is as long as was said, by the database', async () => {
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  await other.query('begin');
  await other.query('select pg_advisory_xact_lock(1)');
  await client.query(`set lock_timeout = '300ms'`);
  await expect(client.query('select pg_advisory_xact_lock(1)')).rejects.toMatchObject({ code: '55P03' });
  // Of a lock that is had in time an alarm is left over, which rings in an idle transaction.
  await client.query(`set idle_in_transaction_session_timeout = '1min'`);
  await client.query('begin');
  const waiting = client.query('select pg_advisory_xact_lock(1)');
  await setTimeout(100);
  await other.end();
  await waiting;
  await setTimeout(600);
  expect((await client.query('commit')).command).toBe('COMMIT');
});
