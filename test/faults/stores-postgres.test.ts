import type { ChildProcess } from 'node:child_process';
import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { call } from './signed-requests.js';
import { ready, throughFault, until } from './fault-watch.js';
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
    await throughFault(world, postgres.url, {
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
    await throughFault(world, postgres.url, {
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
    await throughFault(world, postgres.url, {
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
    await throughFault(world, postgres.url, {
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
    await throughFault(world, postgres.url, {
      async begin() {
        await query(postgres, 'alter system set default_transaction_read_only = on');
        await query(postgres, 'select pg_reload_conf()');
      },
      async during(author) {
        await until('refused', () => author.refusals.length > 0);
        // What gives nothing sealed away leaves no audit row, and is answered.
        const list = await call(world.vault.url, world.organisation.author, 'GET', '/api/v1/prompts?limit=1');
        expect(list.status).toBe(200);
        // What does needs its row (I3).
        const [written] = author.acknowledged;
        expect(await author.read(written ?? { id: '' })).toMatchObject({ status: 503, body: { code: 'overloaded' } });
      },
      // Whoever only reads is served still.
      unready: false,
      async end() {
        await query(postgres, 'alter system reset default_transaction_read_only');
        await query(postgres, 'select pg_reload_conf()');
      },
    });
  });
});
