import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPair, loadSigner } from '@bulla/crypto';
import { verifyBundle } from '../src/audit/bundle/verify-bundle.js';
import { MemoryTrustStore } from '../src/trust/trust-store.js';
import { AuditWorld, changeEntry } from './audit-world.js';
import { MemoryFolder } from './memory-folder.js';

// Exported logs, verified with nothing but the folder and the pin.

const TILE = 256;
let all: AuditWorld;
let folder: MemoryFolder;

beforeAll(async () => {
  all = await AuditWorld.make();
});
afterAll(() => all.world.stop());
beforeEach(async () => {
  await all.begin();
  folder = new MemoryFolder();
});

const pin = () => all.world.organisation.pin;
const verify = (store?: MemoryTrustStore) => verifyBundle(folder, { pin: pin(), now: all.world.clock.now(), store });

async function failures(): Promise<(string | undefined)[]> {
  return (await verify()).logs.map(({ failure }) => failure && `${failure.check}: ${failure.message}`);
}

describe('an export', () => {
  it('lies as C2SP tlog-tiles wants it, with the documents and the evidence', async () => {
    const { author } = all.world.organisation;
    await all.first.add({ act: 'prompt.list', obj: { items: 1 }, by: author });
    await all.fill(TILE);
    await all.auditor.audit.export(folder);
    const paths = [...folder.files.keys()].map((path) => path.replace(/responder-[a-z0-9]+/, 'responder-x'));
    expect(paths.toSorted()).toEqual([
      'bundle.json',
      'logs/responder-x-1/checkpoint',
      'logs/responder-x-1/tile/0/000.p/1',
      'logs/responder-x-1/tile/entries/000.p/1',
      'logs/vault-1/checkpoint',
      'logs/vault-1/evidence/0.ndjson',
      'logs/vault-1/tile/0/000',
      'logs/vault-1/tile/0/001.p/2',
      'logs/vault-1/tile/1/000.p/1',
      'logs/vault-1/tile/entries/000',
      'logs/vault-1/tile/entries/001.p/2',
      'trust/directory-3.json',
      'trust/policy-1.json',
      'trust/root-1.json',
    ]);
    const verdict = await verify();
    expect(verdict).toMatchObject({ valid: true, org: 'acme' });
    expect(verdict.logs[0]?.checks.find(({ name }) => name === 'evidence')?.state).toBe('passed');
  });

  it('goes on where it stopped, and fetches nothing twice', async () => {
    await all.fill(2 * TILE);
    const { requests } = all.world.vault.service;
    const cut = new Error('cut');
    const write = folder.write;
    let left = 6;
    Object.assign(folder, {
      write: (...file: Parameters<typeof write>) => (left-- > 0 ? write(...file) : Promise.reject(cut)),
    });
    await expect(all.auditor.audit.export(folder)).rejects.toBe(cut);
    expect(folder.files.has('bundle.json')).toBe(false);
    Object.assign(folder, { write });
    const there = [...folder.files.keys()].filter((path) => path.includes('/tile/')).length;
    expect(there).toBeGreaterThan(0);
    const before = requests.length;
    await all.auditor.audit.export(folder);
    const tiles = requests.slice(before).filter(({ name }) => name === 'audit.tile' || name === 'audit.bundle').length;
    // Two full tiles and one of one entry at level 0, one at level 1, and three bundles.
    expect(tiles).toBe(7 - there);
    expect((await verify()).valid).toBe(true);
  });

  it('is brought up to date later, and is good at every moment', async () => {
    await all.fill(TILE + 3);
    await all.auditor.audit.export(folder);
    await all.fill(TILE);
    const { logs } = await all.auditor.audit.export(folder);
    expect(logs[0]).toMatchObject({ size: 2 * TILE + 4, path: 'logs/vault-1' });
    expect((await verify()).logs[0]).toMatchObject({ valid: true, head: { size: 2 * TILE + 4 } });
  });

  it('stops at the checkpoint that it began with', async () => {
    await all.fill(3);
    await all.first.add({ act: 'prompt.list', obj: { items: 9 } });
    await all.auditor.audit.export(folder);
    expect((await verify()).logs[0]?.head?.size).toBe(4);
  });

  it('is refused into a folder with logs of another organisation [guard: audit-export-other]', async () => {
    await all.auditor.audit.export(folder);
    folder.change('bundle.json', (text) => text.replace('"acme"', '"other"'));
    await expect(all.auditor.audit.export(folder)).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('has what is left where an entry is gone, so that verifying names it', async () => {
    const held = await all.fill(TILE + 7);
    held.gone.add(100);
    await all.auditor.audit.export(folder);
    expect(await failures()).toEqual(['entries: entry 100: an entry is not there', undefined]);
  });
});

describe('verifying a folder', () => {
  it('needs the pin of the organisation', async () => {
    await all.auditor.audit.export(folder);
    const wrong = { pin: `sha256:${'0'.repeat(64)}`, now: all.world.clock.now() };
    await expect(verifyBundle(folder, wrong)).rejects.toMatchObject({ code: 'pin_mismatch' });
  });

  it.each([
    ['one entry', 'logs/vault-1/tile/entries/000', 'entries: entry 0: '],
    ['one hash', 'logs/vault-1/tile/0/000', 'entries: entries 0 to 255: '],
    ['the size in the checkpoint', 'logs/vault-1/checkpoint', 'checkpoint: '],
  ])('finds %s that was changed', async (_name, path, found) => {
    await all.fill(TILE + 7);
    await all.auditor.audit.export(folder);
    const bytes = folder.files.get(path) ?? new Uint8Array();
    const at = path.endsWith('checkpoint') ? bytes.indexOf(10) + 1 : 9;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    expect(await failures()).toEqual([expect.stringContaining(found), undefined]);
  });

  it('says which entry has lines of evidence that are none', async () => {
    await all.first.add({ act: 'prompt.list', obj: { items: 1 }, by: all.world.organisation.author });
    await all.first.sign();
    await all.auditor.audit.export(folder);
    folder.change('logs/vault-1/evidence/0.ndjson', (text) => text.replace('"base"', '"other"'));
    expect(await failures()).toEqual([
      expect.stringMatching(
        /^evidence: 2 entries do not fit: entry 0: not a line of evidence; entry 1: .* is not there/,
      ),
      undefined,
    ]);
  });

  it.each([
    ['that is not there', () => '', 'token_malformed'],
    ['with a member more', (text: string) => text.replace('"v": 1', '"v": 1, "w": 1'), 'token_malformed'],
    [
      'that lists a log of another [guard: audit-bundle-logs]',
      (text: string) => text.replace(/svc:vault(?=",?\n)/, 'svc:other'),
      'token_malformed',
    ],
  ])('refuses a list of logs %s', async (_name, edit, code) => {
    await all.auditor.audit.export(folder);
    folder.change('bundle.json', edit);
    await expect(verify()).rejects.toMatchObject({ code });
  });

  it('refuses a folder without one, or without documents', async () => {
    await expect(verify()).rejects.toMatchObject({ message: expect.stringContaining('no bundle.json') as unknown });
    await all.auditor.audit.export(folder);
    for (const path of folder.files.keys()) if (path.startsWith('trust/policy')) folder.files.delete(path);
    await expect(verify()).rejects.toMatchObject({
      message: expect.stringContaining('trust/policy-1.json') as unknown,
    });
  });

  it('holds it against what this machine saw before, and remembers what it found', async () => {
    await all.fill(3);
    await all.auditor.audit.export(folder);
    await verify(all.store);
    expect((await all.kept()).map(([origin, size]) => [origin.split('svc:')[1]?.split(':')[0], size])).toContainEqual([
      'vault/audit/1',
      4,
    ]);
    changeEntry(all.first, 2);
    await all.fill(2);
    const other = new MemoryFolder();
    const stranger = await all.world.client();
    await stranger.audit.export(other);
    const found = await verifyBundle(other, { pin: pin(), now: all.world.clock.now(), store: all.store });
    expect(found.logs[0]?.failure).toMatchObject({ check: 'kept-head', kind: 'fork' });
    // Nothing is known of it where nothing is remembered.
    expect((await verifyBundle(other, { pin: pin(), now: all.world.clock.now() })).valid).toBe(true);
  });

  it('says that an older export is older, and refuses it nothing', async () => {
    await all.fill(3);
    await all.auditor.audit.export(folder);
    await all.fill(3);
    await all.auditor.audit.verify();
    const found = (await verify(all.store)).logs[0];
    expect(found?.checks.find(({ name }) => name === 'kept-head')).toEqual({
      name: 'kept-head',
      state: 'not_looked_for',
      detail:
        'this machine saw 7 entries of this log, 3 more: this is older, and nothing here shows that those continue it',
    });
  });
});

describe('the key of a checkpoint', () => {
  let own: AuditWorld;
  beforeEach(async () => {
    own = await AuditWorld.make();
    await own.begin();
    await own.auditor.audit.export(folder);
  });
  afterEach(() => own.world.stop());

  async function revoke(): Promise<void> {
    const { organisation } = own.world;
    const kid = organisation.vault.keyFile.keys.find(({ pur }) => pur.includes('checkpoint'))?.kid ?? '';
    await organisation.publish((draft) => {
      draft.revoked = [{ kid, reason: 'keyCompromise', at: organisation.now }];
    });
    await own.auditor.refreshTrust();
  }

  it('counts no more where this machine knows that it was revoked since [guard: audit-key-revoked]', async () => {
    await revoke();
    const by = { pin: own.world.organisation.pin, now: own.world.clock.now() };
    const { logs } = await verifyBundle(folder, { ...by, store: own.store });
    expect(logs[0]?.failure).toMatchObject({ code: 'key_revoked', check: 'key' });
    expect((await verifyBundle(folder, by)).valid).toBe(true);
  });

  it('is not taken from a service once it is revoked [guard: audit-head-revoked]', async () => {
    await revoke();
    await expect(own.auditor.audit.checkpoints()).rejects.toMatchObject({ code: 'key_revoked' });
  });

  it('may have signed a log that has ended before it was revoked', async () => {
    await revoke();
    const { organisation } = own.world;
    const head = own.first.head ?? (await own.first.sign());
    const key = await generateKeyPair('ed25519', 'sig');
    await organisation.publish((draft) => {
      const entity = draft.entities[organisation.vault.urn];
      const listed = entity?.keys.find(({ pur }) => pur.includes('checkpoint'));
      if (entity === undefined || listed === undefined) throw new Error('no key');
      entity.keys.push({ ...listed, kid: key.kid, jwk: key.publicJwk });
    });
    const second = await own.log('vault', 2).begin({ origin: own.first.origin, head });
    second.key = await loadSigner(key.privateJwk, 'Ed25519');
    own.vault.push(second);
    await second.sign();
    await own.auditor.refreshTrust();
    const verdict = await own.auditor.audit.verify();
    expect(verdict.logs.map(({ valid }) => valid)).toEqual([true, true, true]);
    expect(verdict.logs[0]?.checks.find(({ name }) => name === 'key')?.state).toBe('not_looked_for');
    // By that key alone nothing is shown of single entries.
    const entries = [];
    for await (const entry of own.auditor.audit.list()) entries.push(entry);
    const proved = await own.auditor.audit.prove(entries);
    expect(proved.map(({ log, head: of }) => [log, of === undefined])).toEqual([
      [2, false],
      ...entries.slice(1).map(() => [1, true]),
    ]);
  });

  it('that was replaced since is found in an earlier directory, which the folder keeps', async () => {
    const { organisation } = own.world;
    const old = folder.files.get('logs/vault-1/checkpoint');
    const key = await generateKeyPair('ed25519', 'sig');
    await organisation.publish((draft) => {
      const entity = draft.entities[organisation.vault.urn];
      const listed = entity?.keys.find(({ pur }) => pur.includes('checkpoint'));
      if (entity === undefined || listed === undefined) throw new Error('no key');
      entity.keys = entity.keys.map((one) => (one === listed ? { ...one, kid: key.kid, jwk: key.publicJwk } : one));
    });
    const auditor = await own.world.client();
    own.first.key = await loadSigner(key.privateJwk, 'Ed25519');
    await own.first.sign();
    await auditor.audit.export(folder);
    if (old !== undefined) folder.files.set('logs/vault-1/checkpoint', old);
    const by = { pin: organisation.pin, now: own.world.clock.now() };
    const found = await verifyBundle(folder, by);
    expect(found.logs[0]?.checks.find(({ name }) => name === 'key')).toMatchObject({
      state: 'passed',
      detail: expect.stringMatching(/^listed in directory \d+; no more in \d+$/) as unknown,
    });
    for (const path of folder.files.keys()) if (path === 'trust/directory-3.json') folder.files.delete(path);
    expect((await verifyBundle(folder, by)).logs[0]?.failure).toMatchObject({
      code: 'key_unknown',
      check: 'checkpoint',
    });
  });
});
