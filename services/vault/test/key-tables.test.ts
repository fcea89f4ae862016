import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KekReplaced, KekWraps } from '../src/managed/keyring/kek-wraps.js';
import { VaultDatabase } from '../src/database/vault-database.js';
import type { PromptRef } from './authoring.js';
import { createPrompt, pushVersion } from './authoring.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// What the tables of keys refuse, whatever a program does.

describe.each<Store>(['PostgreSQL', 'PGlite'])('the tables of keys on %s', (store) => {
  let vault: TestVault;
  let prompt: PromptRef;
  let wraps: KekWraps;
  let root: string;
  let version = 0;
  const db = () => vault.database.db;
  const kek = (state: 'active' | 'pre-active', of = version) => ({
    org: 'acme',
    version: of,
    root_kid: root,
    wrapped: 'wrapped',
    state,
    ...(state === 'active' && { activated_at: new Date() }),
  });
  const wrapRow = () => ({ org: 'acme', prompt_id: prompt.id, version: 1, kek_version: version, wrap: 'wrap' });
  const deactivate = () =>
    db()
      .updateTable('kek')
      .set({ state: 'deactivated', deactivated_at: new Date() })
      .where('org', '=', 'acme')
      .where('state', '=', 'active');
  const destroy = () =>
    db()
      .updateTable('kek')
      .set({ state: 'destroyed', wrapped: null, destroyed_at: new Date() })
      .where('org', '=', 'acme')
      .where('version', '=', version);
  const insertWrap = () =>
    db()
      .transaction()
      .execute((trx) => wraps.insert(trx, wrapRow()));

  beforeAll(async () => {
    vault = await startVault(store);
    wraps = new KekWraps(new VaultDatabase(db()));
    prompt = await createPrompt(vault, vault.acme);
    await pushVersion(vault, vault.acme, prompt, 1);
    ({ kid: root } = await db().selectFrom('root_key').select('kid').executeTakeFirstOrThrow());
  });
  afterAll(() => vault.stop());
  beforeEach(async () => {
    await db()
      .transaction()
      .execute((trx) => wraps.deleteOf(trx, 'acme', prompt.id));
    await deactivate().execute();
    version += 1;
    await db().insertInto('kek').values(kek('active')).execute();
  });

  it('hold one active root key, and one active KEK of an organisation', async () => {
    const second = {
      kid: 'root:file:second',
      check_value: 'check',
      state: 'active' as const,
      activated_at: new Date(),
    };
    await expect(db().insertInto('root_key').values(second).execute()).rejects.toMatchObject({ code: '23505' });
    version += 1;
    await expect(db().insertInto('kek').values(kek('active')).execute()).rejects.toMatchObject({ code: '23505' });
    await db().insertInto('kek').values(kek('pre-active')).execute();
  });

  it('take a wrap under an active KEK only', async () => {
    await insertWrap();
    await expect(wraps.find('acme', prompt.id, 1)).resolves.toMatchObject({ kek_version: version, wrap: 'wrap' });
    await db()
      .transaction()
      .execute((trx) => wraps.deleteOf(trx, 'acme', prompt.id, [1]));
    await deactivate().execute();
    await expect(insertWrap()).rejects.toThrow(KekReplaced);
  });

  it('let no KEK be destroyed while a data key is under it, and none go back', async () => {
    await insertWrap();
    await expect(destroy().execute()).rejects.toMatchObject({ constraint: 'kek_states' });
    await deactivate().execute();
    await expect(destroy().execute()).rejects.toMatchObject({ constraint: 'kek_states' });
    await db()
      .transaction()
      .execute((trx) => wraps.deleteOf(trx, 'acme', prompt.id));
    await destroy().execute();
    const back = db().updateTable('kek').set({ state: 'active', wrapped: 'wrapped' }).where('version', '=', version);
    await expect(back.execute()).rejects.toMatchObject({ constraint: expect.stringMatching(/^kek_/) });
  });

  it('put a KEK under the active root key only', async () => {
    const staged = { kid: 'root:file:staged', check_value: 'check', state: 'pre-active' as const };
    await db()
      .insertInto('root_key')
      .values(staged)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const under = { ...kek('pre-active', version + 1), root_kid: staged.kid };
    await expect(db().insertInto('kek').values(under).execute()).rejects.toMatchObject({
      constraint: 'kek_under_active_root',
    });
    const back = db().updateTable('root_key').set({ state: 'pre-active' }).where('kid', '=', root);
    await expect(back.execute()).rejects.toMatchObject({ constraint: expect.stringMatching(/^root_key_/) });
  });

  it('let no KEK be used more often than it may', async () => {
    const use = db()
      .updateTable('kek')
      .set({ uses_reserved: 2 ** 30 + 1 })
      .where('version', '=', version);
    await expect(use.execute()).rejects.toMatchObject({ code: '23514' });
  });

  if (store === 'PostgreSQL') {
    it('have a KEK that is to be deactivated wait for the wrap that goes under it', async () => {
      let ended = false;
      let deactivating: Promise<unknown> = Promise.resolve();
      await db()
        .transaction()
        .execute(async (trx) => {
          await wraps.insert(trx, wrapRow());
          deactivating = deactivate()
            .execute()
            .then(() => (ended = true));
          await new Promise((resolve) => setTimeout(resolve, 200));
          expect(ended).toBe(false);
        });
      await deactivating;
      await expect(wraps.find('acme', prompt.id, 1)).resolves.toMatchObject({ kek_version: version });
    });
  }
});
