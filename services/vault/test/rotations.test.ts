import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Job, KeyStatus } from '@bulla/contract';
import { Chores, EventLog } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import type { Service } from '@bulla/service-kit';
import { RootKeys } from '../src/managed/root-key/root-keys.js';
import { bodyOf, must } from './authoring.js';
import type { ManagedVersion } from './managing.js';
import { doChore, fillWraps, manageOne, openManaged, wrapsByKek } from './managing.js';
import { expectRefusal } from './refusals.js';
import { backUp, restore } from './restoring.js';
import type { Store, TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

const DAY_SECONDS = 86_400;
const log = new EventLog({ service: 'vault', level: 'silent' });

const place = { production: false, dataFolders: [] };

describe.each<Store>(['PostgreSQL', 'PGlite'])('keys at rest on %s', (store) => {
  let vault: TestVault;
  let managed: ManagedVersion;
  beforeAll(async () => {
    vault = await startVault(store);
    managed = await manageOne(vault);
  });
  afterAll(() => vault.stop());

  const owner = () => vault.clientOf(vault.acme.owner);
  const rotate = async (body: object) => bodyOf<Job>(must(201, await owner().post('/api/v1/keys/rotations', body)));
  const status = async () => bodyOf<KeyStatus>(must(200, await owner().get('/api/v1/keys')));
  const jobOf = async ({ id }: Pick<Job, 'id'>) => bodyOf<Job>(must(200, await owner().get(`/api/v1/jobs/${id}`)));
  const acts = async () => {
    const rows = await vault.database.db.selectFrom('audit_outbox').select('leaf').where('org', '=', 'acme').execute();
    return rows.map(
      ({ leaf }) => JSON.parse(Buffer.from(leaf).toString('utf8')) as { act: string; who: object; obj: object },
    );
  };

  it('are replaced by a job: every data key goes under the new KEK, and the old one waits for the oldest backup', async () => {
    await fillWraps(vault, managed, 150);
    const [before] = Object.keys(await wrapsByKek(vault)).map(Number);
    const job = await rotate({ what: 'kek' });
    expect(job).toMatchObject({ what: 'kek', state: 'running', total: 151, done: 0 });
    expect((await rotate({ what: 'kek' })).id).toBe(job.id);
    await doChore(vault.service, 'run-jobs');
    const version = (before ?? 0) + 1;
    expect(await jobOf(job)).toMatchObject({ state: 'done', done: 151, target: `kek:acme:${version}` });
    expect(await wrapsByKek(vault)).toEqual({ [version]: 151 });
    expect(Buffer.from(await openManaged(vault, managed))).toEqual(Buffer.from(managed.dek));
    const said = (await acts()).filter(({ act }) => act.startsWith('kek.') || act.startsWith('job.')).slice(-2);
    expect(said).toMatchObject([
      { act: 'kek.activate', who: { type: 'service' }, obj: { kek: version, before } },
      { act: 'job.end', who: { type: 'service' }, obj: { job: job.id, done: 151 } },
    ]);
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(6 * DAY_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    expect((await status()).kek[1]).toMatchObject({ version: before, state: 'deactivated', data_keys: 0 });
    vault.clock.advance(2 * DAY_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(-8 * DAY_SECONDS);
    expect((await status()).kek.slice(0, 2)).toMatchObject([
      { version, state: 'active', data_keys: 151 },
      { version: before, state: 'destroyed' },
    ]);
    expect((await acts()).at(-1)).toMatchObject({ act: 'kek.destroy', obj: { kek: before } });
  });

  it('are replaced by themselves once a KEK is ninety days old, or was used often', async () => {
    vault.clock.advance(91 * DAY_SECONDS);
    await doChore(vault.service, 'care-for-keys');
    vault.clock.advance(-91 * DAY_SECONDS);
    const [job] = (await status()).jobs;
    expect(job).toMatchObject({ what: 'kek', state: 'running' });
    expect((await acts()).at(-1)).toMatchObject({ act: 'key.rotate', who: { type: 'service' }, obj: { job: job?.id } });
    await doChore(vault.service, 'run-jobs');
    await vault.database.db
      .updateTable('kek')
      .set({ uses_reserved: 2 ** 28 })
      .where('state', '=', 'active')
      .where('org', '=', 'acme')
      .execute();
    await doChore(vault.service, 'care-for-keys');
    expect((await status()).jobs).toHaveLength(1);
    await doChore(vault.service, 'run-jobs');
    expect((await status()).jobs).toEqual([]);
  });

  it('stay where they are when the job is canceled, and the next one finishes it', async () => {
    const job = await rotate({ what: 'kek' });
    must(204, await owner().delete(`/api/v1/jobs/${job.id}`));
    must(204, await owner().delete(`/api/v1/jobs/${job.id}`));
    const before = await wrapsByKek(vault);
    await doChore(vault.service, 'run-jobs');
    expect([await jobOf(job), await wrapsByKek(vault)]).toMatchObject([{ state: 'canceled' }, before]);
    const next = await rotate({ what: 'kek' });
    await doChore(vault.service, 'run-jobs');
    expect(await jobOf(next)).toMatchObject({ state: 'done' });
    const { data } = bodyOf<{ data: Job[] }>(must(200, await owner().get('/api/v1/jobs?limit=2')));
    expect(data.map(({ id }) => id)).toEqual([next.id, job.id]);
  });

  it('that do not open are left where they are, and the job says so', async () => {
    const { db } = vault.database;
    const broken = await manageOne(vault);
    const { wrap } = await db
      .selectFrom('kek_wrap')
      .select('wrap')
      .where('prompt_id', '=', managed.id)
      .executeTakeFirstOrThrow();
    await db.updateTable('kek_wrap').set({ wrap }).where('prompt_id', '=', broken.id).execute();
    const job = await rotate({ what: 'kek' });
    await doChore(vault.service, 'run-jobs');
    await doChore(vault.service, 'run-jobs');
    expect(await jobOf(job)).toMatchObject({ state: 'waiting', trouble: 'internal' });
    expect((await status()).pending).toBe(1);
    expect(vault.log.filter((line) => line.includes('data-key-unopened'))[0]).toContain(broken.id);
    await db.deleteFrom('kek_wrap').where('prompt_id', '=', broken.id).execute();
    await doChore(vault.service, 'run-jobs');
    expect(await jobOf(job)).toMatchObject({ state: 'done' });
  });

  it('go under no root key that the vault was not told of [guard: rotate-staged]', async () => {
    const { current, next } = vault.rootKeyFiles.settings;
    for (const to of [next, current, 'file:/etc/hostname', undefined])
      await expectRefusal(
        vault,
        () => owner().post('/api/v1/keys/rotations', { what: 'root', ...(to !== undefined && { to }) }),
        400,
        'validation_failed',
      );
  });

  it('are not there in a vault without a root key [guard: rotate-managed]', async () => {
    const bare = await startVault(store);
    const replica = await bare.startReplica({ rootKeys: await RootKeys.none({ database: bare.database, log }) });
    const client = new SignedClient(replica, bare.acme.owner, { now: () => bare.clock.now(), contract });
    await expectRefusal(bare, () => client.post('/api/v1/keys/rotations', { what: 'kek' }), 403, 'custody_not_allowed');
    await bare.stop();
  });

  it('go under a new root key once every process holds it [guard: root-promoted-by-all]', async () => {
    const { next } = vault.rootKeyFiles.settings;
    const replica = await vault.startReplica();
    vault.rootKeyFiles.placeNext();
    await doChore(vault.service, 'hold-root-keys');
    const [staged, active] = (await status()).root;
    expect([staged, active]).toMatchObject([{ state: 'pre-active', objects: 0 }, { state: 'active' }]);
    const job = await rotate({ what: 'root', to: next });
    await doChore(vault.service, 'run-jobs');
    expect(await jobOf(job)).toMatchObject({ state: 'waiting', trouble: 'processes_without_key' });
    expect((await status()).root[0]?.processes.without).toBeGreaterThan(0);
    await holdEverywhere(vault, replica);
    await doChore(replica, 'run-jobs');
    expect(await jobOf(job)).toMatchObject({ state: 'done', done: job.total });
    const [after, before] = (await status()).root;
    expect([after, before]).toMatchObject([
      { kid: staged?.kid, state: 'active', objects: job.total },
      { kid: active?.kid, state: 'deactivated', objects: 0 },
    ]);
    expect(Buffer.from(await openManaged(vault, managed, replica))).toEqual(Buffer.from(managed.dek));
    expect((await acts()).some(({ act, obj }) => act === 'root.activate' && 'root' in obj)).toBe(true);
  });

  it('go under no root key that was replaced before [guard: rotate-back]', async () => {
    const { current, next } = vault.rootKeyFiles.settings;
    const rootKeys = new RootKeys({ settings: { current: next, next: current }, place, log });
    await rootKeys.look(vault.database.db);
    const replica = await vault.startReplica({ rootKeys });
    const client = new SignedClient(replica, vault.acme.owner, { now: () => vault.clock.now() });
    const refusal = await client.post('/api/v1/keys/rotations', { what: 'root', to: current });
    expect([refusal.status, bodyOf<{ code: string }>(refusal).code]).toEqual([400, 'validation_failed']);
    await rootKeys.close();
  });

  it('are under the root key of a database from before the rotation, which it takes to start', async () => {
    const older = await startVault(store);
    const kept = await manageOne(older);
    const backup = await backUp(older.database);
    older.rootKeyFiles.placeNext();
    await doChore(older.service, 'hold-root-keys');
    const post = (body: object) => older.clientOf(older.acme.owner).post('/api/v1/keys/rotations', body);
    must(201, await post({ what: 'root', to: older.rootKeyFiles.settings.next }));
    must(201, await post({ what: 'kek' }));
    await doChore(older.service, 'run-jobs');
    await restore(older.database, backup);
    expect(Buffer.from(await openManaged(older, kept))).toEqual(Buffer.from(kept.dek));
    const newOnly = new RootKeys({ settings: { current: older.rootKeyFiles.settings.next }, place, log });
    await expect(newOnly.look(older.database.db)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/^BULLA_ROOT_KEY: this database is under root:file:[0-9a-f]{16}/),
    });
    await newOnly.close();
    // With both it goes on, and is rotated once more: the KEK that it makes is another one than the one that was lost.
    const replica = await older.startReplica();
    await holdEverywhere(older, replica);
    const again = [
      bodyOf<Job>(must(201, await post({ what: 'root', to: older.rootKeyFiles.settings.next }))),
      bodyOf<Job>(must(201, await post({ what: 'kek' }))),
    ];
    await doChore(replica, 'run-jobs');
    for (const { id } of again) {
      const job = await older.clientOf(older.acme.owner).get(`/api/v1/jobs/${id}`);
      expect(bodyOf<Job>(must(200, job))).toMatchObject({ state: 'done' });
    }
    expect(await wrapsByKek(older)).toEqual({ 2: 1 });
    for (const service of [older.service, replica])
      expect(Buffer.from(await openManaged(older, kept, service))).toEqual(Buffer.from(kept.dek));
    await expect(newOnlyAfter(older)).resolves.toBeUndefined();
    await older.stop();
  });
});

/** Looks whether the new root key alone is enough. */
async function newOnlyAfter({ rootKeyFiles, database }: TestVault): Promise<void> {
  const roots = new RootKeys({ settings: { current: rootKeyFiles.settings.next }, place, log });
  await roots.look(database.db);
  await roots.close();
}

/** Processes of earlier tests that are still there hold it too. */
async function holdEverywhere(vault: TestVault, ...services: Service[]): Promise<void> {
  for (const service of [vault.service, ...services])
    await service.app.get(Chores, { strict: false }).do('hold-root-keys');
}
