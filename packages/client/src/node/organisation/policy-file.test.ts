import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDirectory, parsePolicy, parseRoot, signDocument } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { prepareDevelopment } from './development.js';
import { findDocumentSigner } from './document-key.js';
import { Home } from '../home/home.js';
import { signNextPolicy } from './policy-file.js';
import type { PolicySettings } from './policy-settings.js';
import { policySettings } from './policy-settings.js';

const NOW = 1_800_000_000;
const YEAR = 365 * 86_400;
const PROTECTED = { production: { groups: ['grp:authors'], threshold: 2 } };
let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-policy-'));
  home = new Home(folder);
  await prepare(NOW);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = (now: number) =>
  prepareDevelopment(home, {
    vaultUrl: 'http://127.0.0.1:4100',
    responderUrl: 'http://127.0.0.1:4200',
    now,
    suite: 'p256',
  });
const newest = async () => (await parsePolicy((await home.read('org/dev/policy.json')) ?? '')).payload;
const settings = async (change: Partial<PolicySettings> = {}) => ({ ...policySettings(await newest()), ...change });

describe('the next policy', () => {
  it('says what was set, follows the one before, and is named by the next directory', async () => {
    const before = await newest();
    expect(await signNextPolicy(home, 'dev', await settings({ labels: PROTECTED }), NOW + 60)).toBe(2);
    expect(await newest()).toMatchObject({
      ...before,
      version: 2,
      labels: PROTECTED,
      prev: expect.any(String),
      issued: expect.any(String),
      expires: expect.any(String),
    });
    const { documents, earlier } = await prepare(NOW + 60);
    expect((await parseDirectory(documents.directory)).payload.policy.version).toBe(2);
    expect(await earlier('policy', 1)).toBeDefined();
  });

  it('says for how long a renewer counts, or leaves that out again', async () => {
    await signNextPolicy(home, 'dev', await settings({ fresh_days: 3 }), NOW);
    expect(await newest()).toMatchObject({ spec: '2', version: 2, fresh_days: 3 });
    const witnesses = { quorum: 1, keys: ['witness.example/w1+ebf9b3b4+BJgUzxKH27fz/H/LivAGWDxFznWAmy0JsKhjYvNt1zXt'] };
    await signNextPolicy(home, 'dev', await settings({ witnesses }), NOW);
    expect(await newest()).toMatchObject({ version: 3, fresh_days: 3, witnesses });
    const { fresh_days: _days, witnesses: _witnesses, ...without } = await settings();
    expect(await signNextPolicy(home, 'dev', without, NOW)).toBe(4);
    expect(await newest()).not.toHaveProperty('fresh_days');
    expect(await newest()).not.toHaveProperty('witnesses');
  });

  it('is signed under the newest root, which may have come since the one before', async () => {
    const signer = await findDocumentSigner(home, 'org/dev/root.key');
    if (signer === undefined) throw new Error('the key is here');
    const { payload } = await parseRoot((await home.read('org/dev/root.json')) ?? '');
    await home.write('org/dev/root.2.json', await signDocument({ ...payload, version: 2 }, [signer]));
    await signNextPolicy(home, 'dev', await settings({ labels: PROTECTED }), NOW);
    expect(await newest()).toMatchObject({ version: 2, root_version: 2 });
    const { documents } = await prepare(NOW);
    expect((await parseDirectory(documents.directory)).payload).toMatchObject({ root_version: 2, version: 2 });
  });

  it('is not signed where it would say the same', async () => {
    expect(await signNextPolicy(home, 'dev', await settings(), NOW + 60)).toBe(1);
    expect((await newest()).version).toBe(1);
  });

  it('keeps what was set when it is renewed', async () => {
    await signNextPolicy(home, 'dev', await settings({ labels: PROTECTED, max_skew: 30 }), NOW);
    await prepare(NOW + YEAR - 86_400);
    expect(await newest()).toMatchObject({ version: 3, labels: PROTECTED, max_skew: 30 });
  });

  it.each<[string, (good: PolicySettings) => unknown]>([
    ['a member of the document itself', (good) => ({ ...good, version: 9 })],
    ['another organisation', (good) => ({ ...good, org: 'other' })],
    ['a member that is missing', ({ suites, custody }) => ({ suites, custody })],
    ['a threshold that nobody reaches', (good) => ({ ...good, labels: { production: { groups: [], threshold: 17 } } })],
    ['a list', () => []],
    ['nothing', () => null],
  ])('is not signed with %s, and nothing is written', async (_name, change) => {
    const before = await home.read('org/dev/policy.json');
    await expect(signNextPolicy(home, 'dev', change(await settings()), NOW)).rejects.toMatchObject({
      code: 'token_malformed',
    });
    expect(await home.read('org/dev/policy.json')).toBe(before);
    expect(await home.read('org/dev/policy.1.json')).toBeUndefined();
  });

  it.each<[string, Partial<PolicySettings>, string]>([
    ['API keys', { auth: { bearer: true, oidc: 'off' } }, 'auth.bearer (leave it at false)'],
    ['single sign-on', { auth: { bearer: false, oidc: 'approve' } }, 'auth.oidc "approve" (leave it at "off")'],
  ])(
    'is not signed where it switches on what does not work: %s [guard: policy-switches]',
    async (_name, change, told) => {
      const before = await home.read('org/dev/policy.json');
      await expect(signNextPolicy(home, 'dev', await settings(change), NOW)).rejects.toMatchObject({
        code: 'validation_failed',
        check: 'policy-switches',
        message: expect.stringContaining(told),
      });
      expect(await home.read('org/dev/policy.json')).toBe(before);
    },
  );

  it('that has names managed lists the keys of the vault for that, and none before does [guard: managed-keys-listed]', async () => {
    const listed = async () => {
      const { entities } = (await parseDirectory((await home.read('org/dev/directory.json')) ?? '')).payload;
      const keys = Object.values(entities).find(({ kind }) => kind === 'vault')?.keys ?? [];
      return keys.flatMap(({ use, pur }) => pur.map((purpose) => `${use} ${purpose}`)).toSorted();
    };
    const sealing = ['sig checkpoint', 'sig envelope', 'sig http'];
    expect(await listed()).toEqual(sealing);
    await signNextPolicy(home, 'dev', await settings({ custody: { '*': 'sealed', 'open/': 'managed' } }), NOW);
    await prepare(NOW);
    expect(await listed()).toEqual(['enc deposit', ...sealing, 'sig content'].toSorted());
    // They are the ones that the vault had from its start on.
    const file = JSON.parse((await home.readSecret('services/vault.keys.json')) ?? '') as { keys: { pur: string[] }[] };
    expect(file.keys.flatMap(({ pur }) => pur).toSorted()).toEqual([
      'checkpoint',
      'content',
      'deposit',
      'envelope',
      'http',
    ]);
  });

  it('is not signed where it would lock everybody out, and nothing is written [guard: client-lock-out]', async () => {
    const before = await home.read('org/dev/policy.json');
    await expect(signNextPolicy(home, 'dev', await settings({ suites: ['rsa3072'] }), NOW)).rejects.toMatchObject({
      code: 'validation_failed',
      check: 'lock-out-suites',
    });
    expect(await home.read('org/dev/policy.json')).toBe(before);
    expect(await home.read('org/dev/policy.1.json')).toBeUndefined();
  });

  it('follows the one that counts, where an earlier version signed one that locks everybody out', async () => {
    const before = (await home.read('org/dev/policy.json')) ?? '';
    const signer = await findDocumentSigner(home, 'org/dev/policy.key');
    if (signer === undefined) throw new Error('the key is here');
    const { payload, hash } = await parsePolicy(before);
    const locking = await signDocument({ ...payload, version: 2, prev: hash, suites: ['rsa3072'] }, [signer]);
    await home.write('org/dev/policy.1.json', before);
    await home.write('org/dev/policy.json', locking);
    // No directory names it: that would be refused, too.
    await expect(prepare(NOW)).rejects.toMatchObject({ code: 'validation_failed', check: 'lock-out-suites' });

    const said: string[] = [];
    const wanted = { ...policySettings(payload), labels: PROTECTED };
    expect(await signNextPolicy(home, 'dev', wanted, NOW, (line) => said.push(line))).toBe(2);
    expect(await home.read('org/dev/policy.refused.json')).toBe(locking);
    expect(said).toEqual([expect.stringContaining('kept as org/dev/policy.refused.json')]);
    expect(await newest()).toMatchObject({ version: 2, prev: hash, suites: payload.suites, labels: PROTECTED });
    const { documents } = await prepare(NOW);
    expect((await parseDirectory(documents.directory)).payload.policy.version).toBe(2);
  });

  it('takes the key of the policy', async () => {
    await rm(join(folder, 'org/dev/policy.key'));
    await expect(signNextPolicy(home, 'dev', await settings({ labels: PROTECTED }), NOW)).rejects.toThrow(
      'policy.key is not here',
    );
  });
});
