import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job } from '@bulla/contract';
import { findPostgres } from '@bulla/testkit';
import { JobRunner } from '../src/managed/jobs/job-runner.js';
import { bodyOf, must } from './authoring.js';
import type { ManagedVersion } from './managing.js';
import { doChore, fillWraps, manageOne, openManaged, wrapsByKek } from './managing.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// Rotation by processes that end in the middle of it, and by several at once.

/** Lets so many statements through; from the next on the process asks nothing any more. */
class Life implements KyselyPlugin {
  left = Number.POSITIVE_INFINITY;

  transformQuery: KyselyPlugin['transformQuery'] = ({ node }) => {
    if (this.left <= 0) throw new Error('this process has ended');
    this.left -= 1;
    return node;
  };

  transformResult: KyselyPlugin['transformResult'] = ({ result }) => Promise.resolve(result);
}

const describeOnServer = findPostgres() === undefined ? describe.skip : describe;

describeOnServer('a rotation', () => {
  let vault: TestVault;
  let managed: ManagedVersion;
  beforeAll(async () => {
    vault = await startVault();
    managed = await manageOne(vault);
    await fillWraps(vault, managed, 99);
    vault.rootKeyFiles.placeNext();
    await doChore(vault.service, 'hold-root-keys');
  });
  afterAll(() => vault.stop());

  const rotate = async (body: object) =>
    bodyOf<Job>(must(201, await vault.clientOf(vault.acme.owner).post('/api/v1/keys/rotations', body)));
  const stateOf = async ({ id }: Job) =>
    bodyOf<Job>(must(200, await vault.clientOf(vault.acme.owner).get(`/api/v1/jobs/${id}`)));

  /** Has a process that ends after so many statements work on a job. @returns whether it lived to see the end */
  async function workedFor(statements: number, life: Life, dying: JobRunner): Promise<boolean> {
    life.left = statements;
    try {
      await dying.run();
      return true;
    } catch {
      return false;
    } finally {
      life.left = Number.POSITIVE_INFINITY;
    }
  }

  it('of a KEK goes on after its process has ended at any step of it', async () => {
    const life = new Life();
    const replica = await vault.startReplica({
      database: { ...vault.database, db: vault.database.db.withPlugin(life) },
    });
    const dying = replica.app.get(JobRunner, { strict: false });
    let steps = 0;
    for (let survived = false; !survived; steps++) {
      const job = await rotate({ what: 'kek' });
      survived = await workedFor(steps, life, dying);
      await doChore(vault.service, 'run-jobs');
      expect(await stateOf(job)).toMatchObject({ state: 'done' });
      const { target } = await stateOf(job);
      expect(await wrapsByKek(vault)).toEqual({ [Number(target?.split(':')[2])]: 100 });
    }
    expect(steps).toBeGreaterThan(10);
    expect(Buffer.from(await openManaged(vault, managed))).toEqual(Buffer.from(managed.dek));
    const keks = await vault.database.db.selectFrom('kek').select('state').where('org', '=', 'acme').execute();
    expect(keks.map(({ state }) => state).filter((state) => state === 'pre-active')).toEqual([]);
  });

  it('is done by two processes at once, each data key by one of them', async () => {
    const replica = await vault.startReplica();
    await doChore(replica, 'hold-root-keys');
    const runners = [vault.service, replica].map((service) => service.app.get(JobRunner, { strict: false }));
    const jobs = [await rotate({ what: 'kek' }), await rotate({ what: 'root', to: vault.rootKeyFiles.settings.next })];
    // As chores the lock of the database keeps them apart; without it nothing is worse.
    await Promise.all(runners.map((runner) => runner.run()));
    await doChore(vault.service, 'run-jobs');
    const [kek, root] = await Promise.all(jobs.map(stateOf));
    expect(kek).toMatchObject({ state: 'done', done: 100 });
    expect(root).toMatchObject({ state: 'done' });
    for (const service of [vault.service, replica])
      expect(Buffer.from(await openManaged(vault, managed, service))).toEqual(Buffer.from(managed.dek));
    const { db } = vault.database;
    const under = await db.selectFrom('kek').select('root_kid').where('state', '<>', 'destroyed').distinct().execute();
    expect(under).toHaveLength(1);
  });

  it('rewraps thousands of data keys in one go, and says how many in a second', async () => {
    await fillWraps(vault, managed, 4_000);
    const job = await rotate({ what: 'kek' });
    const begun = performance.now();
    await doChore(vault.service, 'run-jobs');
    const perSecond = Math.round(4_100 / ((performance.now() - begun) / 1_000));
    process.stdout.write(`rewrapped ${perSecond} data keys a second\n`);
    expect(await stateOf(job)).toMatchObject({ state: 'done', done: 4_100 });
  });
});
