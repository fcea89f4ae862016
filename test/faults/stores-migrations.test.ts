import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { makeOrganisation } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Author } from './author.js';
import { ready, until } from './fault-watch.js';
import { query } from './postgres-control.js';
import { spawnService, startService } from './service-process.js';
import { bring, vaultSettings } from './vault-world.js';

// Vaults start on a database while something is in the way of their migrations.

const organisation = await makeOrganisation();
let postgres: TestPostgres;
const removals: (() => Promise<void>)[] = [];

/** An empty database, and what a vault on it is started with. */
async function emptyDatabase(name: string) {
  await query(postgres, `create database ${name}`);
  const url = postgres.url.replace(/\/postgres$/, `/${name}`);
  const folder = await vaultSettings(organisation, url);
  removals.push(() => folder.remove());
  return { url, settings: folder.settings };
}

/** Makes the migration stop in its middle for as long as a row says. */
async function slowDown(database: { url: string }, seconds: number): Promise<void> {
  await query(
    database,
    `create function public.pause() returns event_trigger language plpgsql as $$
      begin
        if exists (select 1 from pg_event_trigger_ddl_commands() where object_identity = 'vault.prompt_version') then
          perform pg_sleep(${seconds});
        end if;
      end $$;
     create event trigger pause on ddl_command_end when tag in ('CREATE TABLE') execute function public.pause()`,
  );
}

const paused = (database: { url: string }) => async () =>
  (await query(database, `select 1 from pg_stat_activity where wait_event = 'PgSleep'`)).length === 1;

const tables = async (database: { url: string }) =>
  (
    await query<{ name: string }>(
      database,
      `select table_name as name from information_schema.tables where table_schema = 'vault' and table_name not like 'kysely%'`,
    )
  ).map(({ name }) => name);

async function expectWorks(url: string): Promise<void> {
  expect(await ready(url)).toBe(200);
  await bring(url, organisation);
  const author = new Author(url, organisation);
  await author.write();
  expect([author.refusals, await author.missing(), author.acknowledged.length]).toEqual([[], [], 1]);
}

(findPostgres() === undefined ? describe.skip : describe)('a vault that starts', () => {
  beforeAll(async () => {
    postgres = await startTestPostgres();
  });
  afterAll(async () => {
    for (const remove of removals) await remove();
    await postgres.stop();
  });

  it('after one that was killed in the middle of its migration, and beside another, finds everything or nothing (F21)', async () => {
    const database = await emptyDatabase('killed');
    await slowDown(database, 3);
    const killed = spawnService('vault', database.settings);
    await until('the middle', paused(database));
    const others = [startService('vault', database.settings), startService('vault', database.settings)];
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await tables(database)).toEqual([]);
    await query(database, 'drop event trigger pause');
    const vaults = await Promise.all(others);
    const migrations = vaults.map((vault) => Number(vault.events('database-migrated')[0]?.['migrations']));
    expect([Math.min(...migrations), Math.max(...migrations) > 0]).toEqual([0, true]);
    const [first, second] = vaults;
    await expectWorks(first?.url ?? '');
    expect(await ready(second?.url ?? '')).toBe(200);
    for (const vault of vaults) expect(await vault.stop()).toBe(0);
  });

  it('says what to do where somebody holds a lock for longer than ten seconds (F22)', async () => {
    const database = await emptyDatabase('locked');
    const vault = await startService('vault', database.settings);
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await holder.query('begin; lock table vault.kysely_migration in access exclusive mode');
    const late = spawnService('vault', database.settings);
    expect(await late.ended).toBe(1);
    expect(late.output()).toMatch(
      /^bulla: error: somebody else holds the tables of the database \S+ at \S+\nbulla: hint: /,
    );
    // Who runs already does not notice.
    await expectWorks(vault.url);
    await holder.query('rollback');
    await holder.end();
    const next = await startService('vault', database.settings);
    expect([await next.stop(), await vault.stop()]).toEqual([0, 0]);
  });

  it('on tables of a newer version does not start, and changes nothing (F21)', async () => {
    const database = await emptyDatabase('newer');
    expect(await (await startService('vault', database.settings)).stop()).toBe(0);
    await query(database, `insert into vault.kysely_migration (name, timestamp) values ('9999-newer', now()::text)`);
    const before = await tables(database);
    const old = spawnService('vault', database.settings);
    expect(await old.ended).toBe(1);
    expect(old.output()).toMatch(/^bulla: error: the vault could not go on \([^\n]+\)\n$/);
    expect([before.length > 5, await tables(database)]).toEqual([true, before]);
  });
});
