import type { ChildProcess } from 'node:child_process';
import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mintId } from '@bulla/crypto';
import pg from 'pg';
import { call } from './signed-requests.js';
import { ready, expectSurvival, until } from './fault-watch.js';
import { processesOf, query, restart, shutDown, signalAll } from './postgres-control.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// The database of a running vault goes away in every way that it can, and comes back.

const CONNECTIONS = 16;
let postgres: TestPostgres;
let world: VaultWorld;
let restarted: ChildProcess | undefined;

/** The server processes that work for the vault. */
async function backends(): Promise<number[]> {
  const rows = await query<{ pid: number }>(
    postgres,
    `select pid from pg_stat_activity where application_name = 'bulla-vault'`,
  );
  return rows.map(({ pid }) => pid);
}

(findPostgres() === undefined ? describe.skip : describe)('a vault whose PostgreSQL', () => {
  beforeAll(async () => {
    // What was acknowledged must be on disk, as it is by default.
    postgres = await startTestPostgres({ settings: { max_connections: String(CONNECTIONS), fsync: 'on' } });
    world = await startVaultWorld(postgres.url);
  });
  afterAll(async () => {
    await world.stop();
    if (restarted !== undefined) await shutDown(restarted);
    await postgres.stop();
  });

  it('loses one backend to kill -9 (F10)', async () => {
    await expectSurvival(world, postgres.url, {
      async begin() {
        const [victim] = await backends();
        process.kill(victim ?? 0, 'SIGKILL');
      },
      // PostgreSQL ends all other sessions and is back within a second.
      unready: false,
      end: async () => {},
    });
    expect(world.vault.events('database-connection-lost').length).toBeGreaterThan(0);
  });

  it('is killed with -9 and started again (F11)', async () => {
    await expectSurvival(world, postgres.url, {
      async begin() {
        const [postmaster] = await processesOf(postgres);
        process.kill(postmaster ?? 0, 'SIGKILL');
      },
      async end() {
        restarted = await restart(postgres);
      },
    });
  });

  it('hangs (F16)', async () => {
    await expectSurvival(world, postgres.url, {
      begin: () => signalAll(postgres, 'SIGSTOP'),
      async during(author) {
        const answer = await author.try('/api/v1/prompts', { body: {} });
        expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } });
      },
      end: () => signalAll(postgres, 'SIGCONT'),
    });
  });

  it('has no connection left (F12)', async () => {
    const taken: pg.Client[] = [];
    const takeAll = async () => {
      for (;;) {
        const client = new pg.Client({ connectionString: postgres.url });
        client.on('error', () => {});
        try {
          await client.connect();
          taken.push(client);
        } catch (error) {
          return (error as { code?: string }).code;
        }
      }
    };
    await expectSurvival(world, postgres.url, {
      async begin() {
        await takeAll();
        // Those that the vault has: it asks for new ones, and finds us there.
        await taken[0]?.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bulla-vault'`,
        );
        await until(
          'no connection',
          async () => (await takeAll()) === '53300' && (await ready(world.vault.url)) === 503,
        );
      },
      async end() {
        for (const client of taken) await client.end();
      },
    });
  });

  it('takes no writes (F15)', async () => {
    await expectSurvival(world, postgres.url, {
      async begin() {
        await query(postgres, 'alter system set default_transaction_read_only = on');
        await query(postgres, 'select pg_reload_conf()');
      },
      async during(author) {
        await until('refused', () => author.refusals.length > 0);
        // What gives nothing sealed away leaves no audit row, and is answered.
        const list = await call(world.vault.url, world.organisation.author, 'GET', '/api/v1/prompts?limit=1');
        expect(list.status).toBe(200);
        // What does needs its row.
        const [written] = author.acknowledged;
        expect(await author.read(written ?? { id: '' })).toMatchObject({ status: 503, body: { code: 'overloaded' } });
      },
      // Clients that only read are still served.
      unready: false,
      async end() {
        await query(postgres, 'alter system reset default_transaction_read_only');
        await query(postgres, 'select pg_reload_conf()');
      },
    });
  });

  it('lets a statement run for ever (F17)', async () => {
    const slow = `select count(*)::int as count from pg_stat_activity
      where application_name = 'bulla-vault' and wait_event = 'PgSleep'`;
    const sleeping = async () => (await query<{ count: number }>(postgres, slow))[0]?.count;
    await expectSurvival(world, postgres.url, {
      async begin() {
        await query(
          postgres,
          `create function vault.sleep() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$;
           create trigger slow before insert on vault.prompt for each row when (new.name like 'slow/%') execute function vault.sleep()`,
        );
      },
      unready: false,
      restMs: 100,
      async during(author) {
        const asked = author.try('/api/v1/prompts', { body: { id: mintId('prm'), name: 'slow/one', type: 'text' } });
        await until('asleep', async () => (await sleeping()) === 1);
        expect(await asked).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } });
        // The database gave it up, not only we.
        expect(await sleeping()).toBe(0);
      },
      end: async () => void (await query(postgres, 'drop function vault.sleep cascade')),
    });
  });

  it('has a table locked by somebody (F22)', async () => {
    const holder = new pg.Client({ connectionString: postgres.url });
    await holder.connect();
    await expectSurvival(world, postgres.url, {
      async begin() {
        await holder.query('begin; lock table vault.prompt in access exclusive mode');
      },
      unready: false,
      during: (author) => until('refused', () => author.refusals.length > 1),
      end: async () => void (await holder.query('rollback')),
    });
    await holder.end();
  });
});
