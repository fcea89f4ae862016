import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from '@bulla/crypto';
import { Problem } from '@bulla/contract';
import { sql } from 'kysely';
import { UnwrappedKeks } from '../src/managed/keyring/unwrapped-keks.js';
import { USES_BLOCK } from '../src/managed/keyring/use-blocks.js';
import type { ManagedVersion } from './managing.js';
import { keyringOf, manageOne, openManaged, wrapsOf } from './managing.js';
import type { Store, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const MINUTE_SECONDS = 60;

describe.each<Store>(['PostgreSQL', 'PGlite'])('the keyring on %s', (store) => {
  let vault: TestVault;
  let managed: ManagedVersion;
  const db = () => vault.database.db;
  const kek = () =>
    db()
      .selectFrom('kek')
      .selectAll()
      .where('org', '=', 'acme')
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow();
  beforeAll(async () => {
    vault = await startVault(store);
    managed = await manageOne(vault);
  });
  afterAll(() => vault.stop());

  it('makes the first KEK of an organisation when it is needed, once for all who need it', async () => {
    const context = {
      ...managed.context,
      dkc: undefined,
      org: 'other',
      sub: managed.context.sub.replace('acme', 'other'),
    };
    const wraps = await Promise.all(
      Array.from({ length: 4 }, () => keyringOf(vault.service).wrap(randomBytes(32), context)),
    );
    expect(wraps.map(({ kekVersion }) => kekVersion)).toEqual([1, 1, 1, 1]);
    const rows = await db().selectFrom('kek').select(['state', 'version']).where('org', '=', 'other').execute();
    expect(rows).toEqual([{ state: 'active', version: 1 }]);
  });

  it('opens what it wrapped, in this process and in another', async () => {
    const replica = await vault.startReplica();
    for (const service of [vault.service, replica])
      expect(Buffer.from(await openManaged(vault, managed, service))).toEqual(Buffer.from(managed.dek));
  });

  it.each([
    ['another version', { ver: 2 }],
    ['another content', { chash: 'A'.repeat(43) }],
    ['another data key', { dek: `dek_${'5b'.repeat(16)}` }],
    ['another prompt', { sub: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }],
    ['another organisation', { org: 'other', sub: 'urn:bulla:other:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }],
  ])('opens no data key of a row that was moved to %s, and does not say why', async (_place, change) => {
    const row = await wrapsOf(vault.service).find('acme', managed.id, 1);
    const wrapped = { kekVersion: row?.kek_version ?? 0, wrap: row?.wrap ?? '' };
    const opening = keyringOf(vault.service).unwrap(wrapped, { ...managed.context, ...change });
    await expect(opening).rejects.toEqual(new Problem('internal'));
  });

  it('opens nothing with a KEK whose row was moved to another organisation or version', async () => {
    const { wrapped, root_kid } = await kek();
    for (const [org, version] of [
      ['other', 9],
      ['acme', 9],
    ] as const) {
      await db()
        .insertInto('kek')
        .values({ org, version, state: 'pre-active', wrapped: wrapped ?? '', root_kid })
        .execute();
      const context = { ...managed.context, org, sub: managed.context.sub.replace('acme', org) };
      const row = await wrapsOf(vault.service).find('acme', managed.id, 1);
      const opening = keyringOf(vault.service).unwrap({ kekVersion: version, wrap: row?.wrap ?? '' }, context);
      await expect(opening).rejects.toEqual(new Problem('internal'));
      await db().deleteFrom('kek').where('org', '=', org).where('version', '=', version).execute();
    }
  });

  it('opens nothing with a KEK that was destroyed [guard: kek-destroyed]', async () => {
    const { root_kid } = await kek();
    const gone = { org: 'acme', version: 8, root_kid, wrapped: 'gone', state: 'pre-active' as const };
    await db().insertInto('kek').values(gone).execute();
    const moment = sql<Date>`now()` as never;
    await db()
      .updateTable('kek')
      .set({ state: 'destroyed', wrapped: null, deactivated_at: moment, destroyed_at: moment })
      .where('version', '=', 8)
      .execute();
    const opening = keyringOf(vault.service).unwrap({ kekVersion: 8, wrap: '' }, managed.context);
    await expect(opening).rejects.toEqual(new Problem('internal'));
    await db().deleteFrom('kek').where('version', '=', 8).execute();
  });

  it('reserves uses by blocks before they take place, and loses those of a process that ends', async () => {
    const before = (await kek()).uses_reserved;
    expect(before % USES_BLOCK).toBe(0);
    const keyring = keyringOf(vault.service);
    const wrapMany = (count: number, by = keyring) =>
      Promise.all(
        Array.from({ length: count }, () => by.wrap(randomBytes(32), { ...managed.context, dkc: undefined })),
      );
    await wrapMany(3);
    expect((await kek()).uses_reserved).toBe(before);
    await wrapMany(1, keyringOf(await vault.startReplica()));
    expect((await kek()).uses_reserved).toBe(before + USES_BLOCK);
  });

  it('stops a KEK that was used as often as it may be [guard: kek-uses]', async () => {
    const replica = await vault.startReplica();
    const { uses_reserved } = await kek();
    await db()
      .updateTable('kek')
      .set({ uses_reserved: 2 ** 30 - USES_BLOCK + 1 })
      .where('state', '=', 'active')
      .execute();
    const wrapping = keyringOf(replica).wrap(randomBytes(32), managed.context);
    await expect(wrapping).rejects.toMatchObject({ code: 'overloaded' });
    await db().updateTable('kek').set({ uses_reserved }).where('state', '=', 'active').execute();
  });
});

describe('KEKs in the clear', () => {
  const name = { org: 'acme', version: 1, wrapped: 'wrapped' };
  let nowMs = 0;
  let unwrapped: UnwrappedKeks;
  let made: Uint8Array[];
  const unwrap = async () => {
    const key = new Uint8Array(32).fill(7);
    made.push(key);
    return key;
  };
  const use = (of = name) => unwrapped.use(of, unwrap, async (key) => [...key]);
  beforeEach(() => {
    nowMs = 0;
    made = [];
    unwrapped = new UnwrappedKeks(() => nowMs);
  });

  it('are unwrapped once for all who ask, and used as a copy that is wiped', async () => {
    const copies: Uint8Array[] = [];
    const keep = async (key: Uint8Array) => void copies.push(key);
    await Promise.all([1, 2, 3].map(() => unwrapped.use(name, unwrap, keep)));
    expect(made).toHaveLength(1);
    expect(copies.map((copy) => [...copy])).toEqual([1, 2, 3].map(() => Array(32).fill(0)));
    expect([...(made[0] ?? [])]).toEqual(Array(32).fill(7));
  });

  it('end five minutes after they were unwrapped, however often they are used [guard: kek-cache-ends]', async () => {
    for (let minute = 0; minute < 5; minute++) {
      nowMs = minute * MINUTE_SECONDS * 1000;
      await use();
    }
    expect(made).toHaveLength(1);
    nowMs = 5 * MINUTE_SECONDS * 1000;
    await use();
    expect(made).toHaveLength(2);
    expect([...(made[0] ?? [])]).toEqual(Array(32).fill(0));
  });

  it('are wiped when they end, when somebody says so, and when there are too many', async () => {
    await use();
    unwrapped.drop(({ org }) => org === 'acme');
    expect([[...(made[0] ?? [])], unwrapped.names]).toEqual([Array(32).fill(0), []]);
    for (let version = 1; version <= 1_001; version++) await use({ ...name, version });
    expect(unwrapped.names).toHaveLength(1_000);
    expect([...(made[1] ?? [])]).toEqual(Array(32).fill(0));
    nowMs = 5 * MINUTE_SECONDS * 1000;
    unwrapped.drop();
    expect(unwrapped.names).toEqual([]);
  });

  it('are asked for again where one could not be unwrapped', async () => {
    const failing = unwrapped.use(
      name,
      () => Promise.reject(new Error('gone')),
      async () => undefined,
    );
    await expect(failing).rejects.toThrow('gone');
    await expect(use()).resolves.toHaveLength(32);
  });

  it('of a restored table are others, though they bear the same number', async () => {
    await use();
    await use({ ...name, wrapped: 'wrapped anew' });
    expect(made).toHaveLength(2);
  });
});
