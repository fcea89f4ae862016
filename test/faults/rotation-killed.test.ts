import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '@bulla/contract';
import { findPostgres } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { bodyOf, must } from '../../services/vault/test/authoring.js';
import { doChore, everyDataKey, fillWraps, manageOne, wrapsByKek } from '../../services/vault/test/managing.js';
import { startVault, type TestVault } from '../../services/vault/test/running-vault.js';
import { verifiedEntries, logKeyOf } from './log-verified.js';
import { query } from './postgres-control.js';
import { type ServiceProcess, spawnService, startService } from './service-process.js';
import { vaultSettings } from './vault-world.js';

// A vault that replaces a KEK, killed with -9 at each step of it: another start goes on, nothing is lost, all is in the log.

/** So many data keys are moved in one step of the job, and so many there are. */
const STEP = 256;
const DATA_KEYS = 300;
const WAITS_MS = 90_000;
const withServer = findPostgres() === undefined ? describe.skip : describe;

/** A database with managed versions, and what a vault on it is started with. */
interface World {
  readonly vault: TestVault;
  readonly url: string;
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

async function makeWorld(dataKeys: number): Promise<World> {
  let url = '';
  const vault = await startVault('PostgreSQL', undefined, async (of) => {
    url = of;
    return of;
  });
  const managed = await manageOne(vault);
  await fillWraps(vault, managed, dataKeys - 1);
  const { settings, ...keys } = await vaultSettings(vault.acme, url);
  return {
    vault,
    url,
    settings: {
      ...settings,
      BULLA_AUDIT_MARKS: vault.auditMarks,
      BULLA_ROOT_KEY: vault.rootKeyFiles.settings.current,
    },
    async stop() {
      await vault.stop();
      await keys.remove();
    },
  };
}

const rotate = async ({ vault }: World) =>
  bodyOf<Job>(must(201, await vault.clientOf(vault.acme.owner).post('/api/v1/keys/rotations', { what: 'kek' })));
const jobOf = async ({ vault }: World, { id }: Job) =>
  bodyOf<Job>(must(200, await vault.clientOf(vault.acme.owner).get(`/api/v1/jobs/${id}`)));
/** The states of the KEKs, the oldest first. */
async function keksOf({ url }: World): Promise<string[]> {
  const of = `select state from vault.kek where org = 'acme' order by version`;
  return (await query<{ state: string }>({ url }, of)).map(({ state }) => state);
}

/** What keeps a vault from going on, and what it says to the database while it waits there. */
interface Obstacle {
  readonly lock: string;
  readonly waiting: string;
}

/** Starts a vault that comes to an obstacle, and kills it there. */
async function killAt({ url, settings }: World, { lock, waiting }: Obstacle): Promise<void> {
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  try {
    await holder.query('begin');
    await holder.query(lock);
    const { child, ended, output } = spawnService('vault', settings);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(output());
      return (await query({ url }, waitingOn(waiting))).length > 0;
    });
    child.kill('SIGKILL');
    expect(await ended).toBeNull();
  } finally {
    await holder.query('rollback');
    await holder.end();
  }
  // What the database was asked before the death of who asked may still be done.
  await until(async () => (await query({ url }, waitingOn(waiting))).length === 0);
}

const waitingOn = (statement: string) => `select 1 from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and query like '${statement}'`;

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const last = performance.now() + WAITS_MS; !(await isSo()); await pause(20))
    if (performance.now() > last) throw new Error('it never came to this');
}

/** The whole log of a vault, verified, once it tells of an act and nothing from before waits to be written. */
async function actsIn({ vault, url }: World, process: ServiceProcess, last: string): Promise<string[]> {
  await until(async () => (await query({ url }, 'select 1 from vault.audit_outbox')).length === 0);
  const key = await logKeyOf(vault.acme.pin, vault.acme.vault.keyFile);
  let acts: string[] = [];
  // What is taken into the log is handed out once it is signed for.
  await until(async () => {
    const entries = await verifiedEntries({ url: process.url, key, reader: vault.acme.auditor }, []);
    acts = entries.map(({ act, obj }) => (act.startsWith('kek.') ? `${act} ${String(obj['kek'])}` : act));
    return acts.includes(last);
  });
  return acts;
}

/** How a job stands, and what is under each KEK. */
async function standing(world: World, job: Job): Promise<object> {
  const { state, target, done } = await jobOf(world, job);
  return { state, target, done, keks: await keksOf(world), under: await wrapsByKek(world.vault) };
}

withServer('a vault that replaces a KEK, killed with -9', () => {
  let rotating: World;
  let destroying: World;
  /** It comes to that after a minute, which is how often it looks. */
  let killed: Promise<void>;
  beforeAll(async () => {
    [rotating, destroying] = await Promise.all([makeWorld(DATA_KEYS), makeWorld(1)]);
    await rotate(destroying);
    await doChore(destroying.vault.service, 'run-jobs');
    const { url } = destroying;
    await query({ url }, `update vault.kek set emptied_at = now() - interval '100 days' where state = 'deactivated'`);
    killed = killAt(destroying, {
      lock: `select 1 from vault.kek where org = 'acme' and state = 'deactivated' for update`,
      waiting: 'update "vault"."kek" set "state"%',
    });
    killed.catch(() => {});
  }, 300_000);
  afterAll(() => Promise.all([rotating.stop(), destroying.stop()]));

  it('at each step of its job: other processes end it, each data key is what it was, and the log tells of it once', async () => {
    const { vault, settings } = rotating;
    const before = await everyDataKey(vault);
    expect(before.size).toBe(DATA_KEYS);
    const job = await rotate(rotating);
    const ofJob = `select 1 from vault.job where id = '${job.id}' for update`;
    const ofKek = `select 1 from vault.kek where org = 'acme' and state = 'active' for update`;
    const target = 'kek:acme:2';
    const under1 = { 1: DATA_KEYS };

    await killAt(rotating, { lock: 'lock table vault.kek in exclusive mode', waiting: 'insert into "vault"."kek"%' });
    expect(await standing(rotating, job)).toMatchObject({ state: 'running', target: null, under: under1 });
    // Staged: it is there, and the job does not name it yet.
    await killAt(rotating, { lock: ofJob, waiting: 'update "vault"."job" set "target"%' });
    expect(await standing(rotating, job)).toMatchObject({ keks: ['active', 'pre-active'], under: under1 });
    await killAt(rotating, { lock: ofKek, waiting: 'select "version" from "vault"."kek"%for update' });
    expect(await standing(rotating, job)).toMatchObject({ target, keks: ['active', 'pre-active'], under: under1 });
    // Rewrapping: one step of it is done.
    await killAt(rotating, { lock: ofJob, waiting: 'update "vault"."job" set "done"%' });
    expect(await standing(rotating, job)).toMatchObject({
      state: 'running',
      target,
      keks: ['deactivated', 'active'],
      under: { 1: DATA_KEYS - STEP, 2: STEP },
    });
    expect(await everyDataKey(vault)).toEqual(before);
    const untold = 'lock table vault.audit_outbox in exclusive mode';
    await killAt(rotating, { lock: untold, waiting: 'insert into "vault"."audit_outbox"%' });
    expect(await standing(rotating, job)).toMatchObject({ state: 'running', under: { 2: DATA_KEYS } });

    const [one, other] = await Promise.all([startService('vault', settings), startService('vault', settings)]);
    try {
      await until(async () => (await jobOf(rotating, job)).state === 'done');
      expect(await standing(rotating, job)).toMatchObject({ keks: ['deactivated', 'active'], under: { 2: DATA_KEYS } });
      expect(await everyDataKey(vault)).toEqual(before);
      const acts = await actsIn(rotating, one, 'job.end');
      expect(acts.filter((act) => /^(?:kek|key|job)\./.test(act))).toEqual([
        'kek.activate 1',
        'key.rotate',
        'kek.activate 2',
        'job.end',
      ]);
      process.stdout.write(`a rotation, killed 5 times: ${before.size} data keys are what they were\n`);
    } finally {
      await Promise.all([one, other].map((service) => service.stop()));
    }
  }, 300_000);

  it('while it destroys the old one: it is there whole, and another process destroys it', async () => {
    const { vault } = destroying;
    const before = await everyDataKey(vault);
    await killed;
    expect(await keksOf(destroying)).toEqual(['deactivated', 'active']);
    await doChore(vault.service, 'care-for-keys');
    expect(await keksOf(destroying)).toEqual(['destroyed', 'active']);
    expect(await everyDataKey(vault)).toEqual(before);
    const told = await vault.database.db.selectFrom('audit_outbox').select('leaf').where('org', '=', 'acme').execute();
    expect(told.filter(({ leaf }) => Buffer.from(leaf).includes('kek.destroy'))).toHaveLength(1);
  }, 300_000);
});
