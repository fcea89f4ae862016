import { startTestPostgres } from '@bulla/testkit';
import type { TestPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { connectDatabase, DatabaseTrouble, databasePlace, databaseTrouble, EventLog } from '../src/index.js';
import { describeOnServer } from './stores.js';

const log = new EventLog({ service: 'tiny', level: 'silent' });
const migrations = {};

/** What a service says that was given this address. */
async function troubleAt(url: string): Promise<DatabaseTrouble> {
  const database = connectDatabase({ from: { url }, schema: 'tiny', migrations, log });
  try {
    await database.migrate();
  } catch (error) {
    if (error instanceof DatabaseTrouble) return error;
    throw error;
  } finally {
    await database.close();
  }
  throw new Error('it went well');
}

describeOnServer('a mistake in the address of a database is said in words: ', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    // One of its own, which asks for passwords.
    postgres = await startTestPostgres();
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query("create role small login password 'canary'");
    await client.query("create role reader login password 'canary'; grant create on database postgres to reader");
    await client.query('alter role reader set default_transaction_read_only to on');
    await client.query("create role locked nologin password 'canary'");
    await client.end();
  });
  afterAll(() => postgres.stop());

  const at = (change: (url: URL) => void): string => {
    const url = new URL(postgres.url);
    change(url);
    return url.href;
  };
  const as = (role: string, password: string) => (url: URL) => Object.assign(url, { username: role, password });

  it.each<[string, (url: URL) => void, RegExp, RegExp]>([
    [
      'no such database',
      (url) => (url.pathname = '/no-such-one'),
      /^the PostgreSQL server at 127\.0\.0\.1:\d+ has no database no-such-one$/,
      /^make it: create database "no-such-one" owner postgres; or mend its name in BULLA_DATABASE_URL$/,
    ],
    [
      'another password',
      as('small', 'zebra-canary'),
      /^the PostgreSQL server at 127\.0\.0\.1:\d+ does not let the role small in: its password is another, or there is no such role$/,
      /create role small login password '…'$/,
    ],
    ['no such role', as('nobody-here', 'zebra-canary'), /the role nobody-here in: .* no such role$/, /"nobody-here"/],
    ['a role that may not log in', as('locked', 'canary'), /has no role locked, or does not let it into/, /pg_hba/],
    ['no password', as('small', ''), /wants a password of the role small, and BULLA_DATABASE_URL has none$/, /_FILE$/],
    [
      'a role that may make nothing',
      as('small', 'canary'),
      /^the role small may not make tables in the database postgres at 127\.0\.0\.1:\d+$/,
      /^let it: grant create on database postgres to small$/,
    ],
    ['a database that is read only', as('reader', 'canary'), /cannot be written: it is a standby/, /primary/],
    ['no TLS', (url) => (url.search = '?sslmode=require'), /speaks no TLS/, /sslmode/],
    [
      'nobody at that port',
      (url) => (url.port = '1'),
      /^no PostgreSQL listens at 127\.0\.0\.1:1$/,
      /^start it there, or mend host and port in BULLA_DATABASE_URL$/,
    ],
    [
      'no such machine',
      (url) => (url.hostname = 'no-such-machine.invalid'),
      /^there is no machine called no-such-machine\.invalid$/,
      /^mend the host/,
    ],
  ])('%s', async (_name, change, what, hint) => {
    const trouble = await troubleAt(at(change));
    expect(trouble.message).toMatch(what);
    expect(trouble.hint).toMatch(hint);
    expect(`${trouble.message} ${trouble.hint}`).not.toContain('canary');
    expect(trouble.exitCode).toBe(1);
  });
});

describe('what is wrong with a database', () => {
  it.each([
    ['08006', 'the database bulla at [::1]:5433 cannot be used (08006)'],
    ['53300', 'the PostgreSQL server at [::1]:5433 has no connection left'],
    ['57P03', 'the PostgreSQL server at [::1]:5433 is starting or stopping'],
    ['ETIMEDOUT', 'the PostgreSQL server at [::1]:5433 does not answer'],
  ])('is said of %s too', (code, message) => {
    const error = Object.assign(new Error('canary'), { code });
    expect(databaseTrouble(error, 'postgresql://u:canary@[::1]:5433/bulla')?.message).toBe(message);
  });

  it('shows of an address who asks which database where, and nothing that does not show', () => {
    expect(databasePlace('postgresql://u:canary@db.example/a?password=canary')).toBe('db.example:5432/a');
    expect(databasePlace('postgresql://u@db.example/a%0Ab')).toBe('db.example:5432/a%0Ab');
    expect(databasePlace('postgresql:///a?host=/run/postgresql')).toBe('/run/postgresql:5432/a');
    expect(databasePlace('postgresql://somebody@db.example:7')).toBe('db.example:7/somebody');
  });

  it('is none of what something else says', () => {
    expect(databaseTrouble(new TypeError('canary'), 'postgresql://u@h/d')).toBeUndefined();
  });
});
