import type { ChildProcess } from 'node:child_process';
import { chown, cp, mkdir, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPostgres, startTestPostgres, type TestPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectSurvival, until } from './fault-watch.js';
import { hasEnded, query, restart, shutDown } from './postgres-control.js';
import { call } from './signed-requests.js';
import { mountSmallDisk } from './small-disk.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// Real file systems that are full. Where we may not mount any, this is skipped.

const disk = findPostgres() === undefined ? undefined : await mountSmallDisk(96);
const withDisk = disk === undefined ? describe.skip : describe;
afterAll(() => disk?.unmount());

withDisk('a vault whose PostgreSQL has no room for its tables (F13)', () => {
  let postgres: TestPostgres;
  let world: VaultWorld;
  let url: string;
  beforeAll(async () => {
    postgres = await startTestPostgres({ settings: { fsync: 'on' } });
    const tables = await ownedLike(postgres, join(disk?.path ?? '', 'tables'));
    await query(postgres, `create tablespace small location '${tables}'`);
    await query(postgres, 'create database small tablespace small');
    url = postgres.url.replace(/\/postgres$/, '/small');
    world = await startVaultWorld(url);
  });
  afterAll(async () => {
    await world.stop();
    await postgres.stop();
  });

  it('refuses what it cannot store, serves what it can, and goes on when there is room', async () => {
    await expectSurvival(world, url, {
      begin: async () => disk?.fill(),
      // It answers: clients that only read are still served.
      unready: false,
      async during(author) {
        await until('refused', () => author.refusals.length > 3);
        const list = await call(world.vault.url, world.organisation.author, 'GET', '/api/v1/prompts?limit=1');
        expect(list.status).toBe(200);
      },
      end: async () => disk?.free(),
    });
    expect(await readFile(postgres.logFile, 'utf8')).toContain('No space left on device');
  });
});

withDisk('a vault whose PostgreSQL has no room for its write-ahead log (F14)', () => {
  let postgres: TestPostgres;
  let server: ChildProcess;
  let world: VaultWorld;
  beforeAll(async () => {
    const settings = { fsync: 'on', min_wal_size: '32MB', max_wal_size: '48MB' };
    postgres = await startTestPostgres({ settings });
    await postgres.stop({ keepFiles: true });
    const log = join(postgres.dataDir, 'pg_wal');
    const moved = await ownedLike(postgres, join(disk?.path ?? '', 'wal'));
    await cp(log, moved, { recursive: true, preserveTimestamps: true });
    await ownAll(moved);
    await rm(log, { recursive: true });
    await symlink(moved, log);
    server = await restart(postgres);
    world = await startVaultWorld(postgres.url);
  });
  afterAll(async () => {
    await world.stop();
    await shutDown(server);
    await rm(dirname(postgres.dataDir), { recursive: true, force: true });
  });

  it('is not ready, has lost nothing, and goes on when there is room', async () => {
    await expectSurvival(world, postgres.url, {
      async begin() {
        await disk?.fill();
        // What is in the present segment still fits: ask for the next one until the server gives up.
        await until('no server', async () => {
          const switched = await query(postgres, 'select pg_switch_wal()').catch(() => undefined);
          return switched === undefined;
        });
      },
      async end() {
        await disk?.free();
        // Its postmaster tries to recover by itself; where it gave up somebody has to start it.
        await until('a server that is up or down', async () => hasEnded(server) || (await answers()));
        if (hasEnded(server)) server = await restart(postgres);
      },
    });
  });

  /** Whether it came back by itself. */
  async function answers(): Promise<boolean> {
    return (await query(postgres, 'select 1').catch(() => [])).length === 1;
  }

  async function ownAll(folder: string): Promise<void> {
    const { uid, gid } = await stat(postgres.dataDir);
    for (const name of await readdir(folder, { recursive: true })) await chown(join(folder, name), uid, gid);
  }
});

/** A folder that belongs to the user whom the cluster belongs to. */
async function ownedLike({ dataDir }: TestPostgres, folder: string): Promise<string> {
  const { uid, gid } = await stat(dataDir);
  await mkdir(folder, { mode: 0o700 });
  await chown(folder, uid, gid);
  return folder;
}
