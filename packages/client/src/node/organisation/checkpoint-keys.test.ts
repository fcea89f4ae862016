import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DirectoryDocument, KeyFile, KeyPurpose, TokenKey } from '@bulla/crypto';
import { isCheckpointKey, parseDirectory, parsePolicy, publicJwkOf, signDocument, Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findDocumentSigner } from './document-key.js';
import { Home } from '../home/home.js';
import { makeCheckpointKey, makeKey, readKeyFile, recordOf, writeKeyFile } from '../home/key-file.js';
import type { OwnOrganisation } from './organisation.js';
import { IDENTITY, RESPONDER_KEYS, VAULT_KEYS } from './key-names.js';
import { signNextPolicy } from './policy-file.js';
import type { PolicySettings } from './policy-settings.js';
import { policySettings } from './policy-settings.js';
import { prepareProduction } from './production.js';
import { renewOrganisation } from './renew-organisation.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const SERVICES = [
  ['vault', VAULT_KEYS],
  ['responder', RESPONDER_KEYS],
] as const;
const madeFor = (log: number) => SERVICES.map(([who]) => `key for audit log ${log} of the ${who} made for two years`);

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-checkpoint-keys-'));
  home = new Home(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = (now = NOW) =>
  prepareProduction(home, {
    org: 'acme',
    vaultUrl: 'https://vault.example',
    responderUrl: 'https://responder.example',
    now,
    suite: 'p256',
  });
const trustOf = ({ documents, pin }: OwnOrganisation, now: number) =>
  Trust.establish(documents, { org: 'acme', pin, now, acceptStale: true });
const fileOf = async (name: string): Promise<KeyFile> => {
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new Error(`${name} is there`);
  return file;
};
const markFolderOf = async (who: string) => JSON.parse((await home.read(`audit/${who}/log.json`)) ?? '{}');
const kidsOf = (file: KeyFile) => file.keys.filter(isCheckpointKey).map(({ kid }) => kid);

/** Signs the directory of this folder anew, with a change. */
async function rewrite(change: (draft: DirectoryDocument) => void): Promise<void> {
  const signer = await findDocumentSigner(home, 'org/acme/directory.key');
  if (signer === undefined) throw new Error('the key is here');
  const { payload } = await parseDirectory((await home.read('org/acme/directory.json')) ?? '');
  const draft = structuredClone(payload);
  change(draft);
  await home.write('org/acme/directory.json', await signDocument(draft, [signer]));
}

/** As {@link makeEarlier} and {@link makeUnnumbered} leave the files of both services, and the directory. */
async function rewriteLogKeys(keepsKeys: boolean): Promise<void> {
  const changed = <Key extends { pur: KeyPurpose[] }>(keys: readonly Key[]): Key[] =>
    keys.flatMap((key) => {
      if (!isCheckpointKey(key)) return [key];
      return keepsKeys ? [Object.fromEntries(Object.entries(key).filter(([name]) => name !== 'log')) as Key] : [];
    });
  for (const [who, name] of SERVICES) {
    const { rows: _rows, ...file } = await fileOf(name);
    await writeKeyFile(home, name, { ...file, keys: changed(file.keys) });
    await home.remove(`audit/${who}/log.json`);
  }
  await rewrite(({ entities }) => {
    for (const entity of Object.values(entities)) entity.keys = changed(entity.keys);
  });
}

/** As the folder was left by a version before there were keys for checkpoints. */
const makeEarlier = () => rewriteLogKeys(false);
/** As it was left by a version whose keys for checkpoints were of no log. */
const makeUnnumbered = () => rewriteLogKeys(true);

describe('the key for checkpoints of a service', () => {
  it('is made with its other keys, for log 1 and two years, with a row secret and a folder of marks', async () => {
    const trust = await trustOf(await prepare(), NOW);
    for (const [who, name] of SERVICES) {
      const file = await fileOf(name);
      const [kid = ''] = kidsOf(file);
      expect(kidsOf(file)).toHaveLength(1);
      const [listed] = trust.activeKeys(file.urn, 'checkpoint', NOW);
      expect(listed?.record).toMatchObject({ kid, suite: 'ed25519', pur: ['checkpoint'], log: 1 });
      expect(listed?.record.use_until).toBe((listed?.record.nbf ?? 0) + 730 * DAY);
      expect(file.rows).toHaveLength(1);
      expect(await markFolderOf(who)).toEqual({ v: 1, urn: file.urn, kid, log: 1 });
    }
    expect(trust.policy.suites).not.toContain('ed25519');
    expect(kidsOf(await fileOf(IDENTITY))).toEqual([]);
  });

  it.each<[string, (now: number) => Promise<OwnOrganisation | undefined>]>([
    ['starts', prepare],
    ['is renewed', (now) => renewOrganisation(home, now)],
  ])('is made, and listed, where an organisation from before %s', async (_name, again) => {
    await prepare();
    await makeEarlier();
    const before = await Promise.all(SERVICES.map(([, name]) => fileOf(name)));
    const own = await again(NOW + 60);
    expect(own?.changes).toEqual([...madeFor(1), 'directory version 2 signed for 90 days']);
    if (own === undefined) throw new Error('it was not prepared');
    const trust = await trustOf(own, NOW + 60);
    for (const [index, [, name]] of SERVICES.entries()) {
      const file = await fileOf(name);
      expect(file.keys.slice(0, -1)).toEqual(before[index]?.keys);
      const active = trust.activeKeys(file.urn, 'checkpoint', NOW + 60);
      expect(active.map(({ record }) => record.kid)).toEqual(kidsOf(file));
      expect(kidsOf(file)).toHaveLength(1);
    }
    expect((await again(NOW + 120))?.changes).toEqual([]);
  });

  it.each<[string, (now: number) => Promise<OwnOrganisation | undefined>, string, number]>([
    ['starts, with one key of before', prepare, '', 2],
    ['is renewed, with one key of before', (now) => renewOrganisation(home, now), '', 2],
    ['is renewed, with marks of log 3', (now) => renewOrganisation(home, now), 'urn:bulla:acme:svc:vault/audit/3', 4],
    [
      'is renewed, and its services show log 5',
      (now) => renewOrganisation(home, now, { heardLogs: { vault: 5, responder: 5 } }),
      '',
      6,
    ],
  ])('is made for the log after those of before, where an organisation %s', async (_what, again, mark, log) => {
    await prepare();
    await makeUnnumbered();
    for (const [who] of SERVICES)
      if (mark !== '') await home.write(`audit/${who}/acme.0.json`, JSON.stringify({ v: 1, origin: mark }));
    const own = await again(NOW + 60);
    expect(own?.changes).toEqual([...madeFor(log), 'directory version 2 signed for 90 days']);
    if (own === undefined) throw new Error('it was not prepared');
    const trust = await trustOf(own, NOW + 60);
    for (const [who, name] of SERVICES) {
      const file = await fileOf(name);
      const [made, before] = trust.activeKeys(file.urn, 'checkpoint', NOW + 60).map(({ record }) => record);
      // What the old one signed is still to be verified.
      expect([made?.log, before?.log]).toEqual([log, undefined]);
      expect(file.rows).toHaveLength(1);
      expect(await markFolderOf(who)).toEqual({ v: 1, urn: file.urn, kid: made?.kid, log });
    }
    expect((await again(NOW + 120))?.changes).toEqual([]);
  });

  it('is made for the next log, before the one that is there, where logs begin anew', async () => {
    await prepare();
    const before = await Promise.all(SERVICES.map(async ([, name]) => fileOf(name)));
    const own = await renewOrganisation(home, NOW + 60, { beginsLogs: true });
    expect(own?.changes).toEqual([...madeFor(2), 'directory version 2 signed for 90 days']);
    if (own === undefined) throw new Error('it was not prepared');
    const trust = await trustOf(own, NOW + 60);
    for (const [index, [who, name]] of SERVICES.entries()) {
      const file = await fileOf(name);
      const [first, ...more] = kidsOf(file);
      expect(more).toEqual(kidsOf(before[index] ?? file));
      // The key of a number stays until a head of the next is served.
      const listed = trust.activeKeys(file.urn, 'checkpoint', NOW + 60).map(({ record }) => record);
      expect(listed.map(({ log }) => log)).toEqual(expect.arrayContaining([1, 2]));
      expect(file.rows?.slice(1)).toEqual(before[index]?.rows);
      expect(await markFolderOf(who)).toMatchObject({ kid: first, log: 2 });
    }
    const again = await renewOrganisation(home, NOW + 120, { beginsLogs: true });
    expect(again?.changes.slice(0, 2)).toEqual(madeFor(3));
  });

  it('is not renewed within its log: when it is due the next log gets one, by the same folder of marks', async () => {
    await prepare();
    const folders = await Promise.all(SERVICES.map(([who]) => markFolderOf(who)));
    let at = NOW;
    for (; at < NOW + 460 * DAY; at += 60 * DAY) await prepare(at);
    expect(await Promise.all(SERVICES.map(async ([, name]) => kidsOf(await fileOf(name)).length))).toEqual([1, 1]);
    const own = await prepare(NOW + 490 * DAY);
    expect(own.changes.slice(0, 2)).toEqual(madeFor(2));
    expect(await Promise.all(SERVICES.map(([who]) => markFolderOf(who)))).toEqual(folders);
    for (const [, name] of SERVICES)
      expect((await fileOf(name)).keys.filter(isCheckpointKey)).toMatchObject([{ log: 2 }, { log: 1 }]);
  });

  it('is made for the log after one that a thief of the key of the directory has listed', async () => {
    await prepare();
    const theirs = recordOf(await makeCheckpointKey(8), NOW, { use: 90 * DAY, end: 4000 * DAY });
    await rewrite(({ entities, revoked }) => {
      entities['urn:bulla:acme:svc:vault']?.keys.push(theirs);
      revoked.push({ kid: theirs.kid, reason: 'keyCompromise', at: NOW });
    });
    const own = await renewOrganisation(home, NOW + 60, { beginsLogs: true });
    expect(own?.changes.slice(0, 2)).toEqual([madeFor(9)[0], madeFor(2)[1]]);
  });

  it('is not made for a number that nobody came to by all keys [guard: log-number-far]', async () => {
    await prepare();
    const before = await fileOf(VAULT_KEYS);
    const renew = (vault: number) => renewOrganisation(home, NOW + 60, { beginsLogs: true, heardLogs: { vault } });
    await expect(renew(11)).rejects.toThrow('come to number 11, and the next is 2 by all keys; see who says so');
    expect(await fileOf(VAULT_KEYS)).toEqual(before);
    expect((await renew(10))?.changes[0]).toBe(madeFor(11)[0]);
  });

  it('is never written into a file that could not be read again [guard: key-file-readable]', async () => {
    await prepare();
    const before = await fileOf(VAULT_KEYS);
    const key = { ...(await makeCheckpointKey(1)), log: 1_000_000_000 };
    const broken = writeKeyFile(home, VAULT_KEYS, { ...before, keys: [...before.keys, key] });
    await expect(broken).rejects.toThrow(/vault\.keys\.json is not a key file; the file stays as it is$/);
    expect(await fileOf(VAULT_KEYS)).toEqual(before);
  });

  it('is listed by the next run where one was interrupted after its file', async () => {
    await prepare();
    const made = await fileOf(VAULT_KEYS);
    await makeEarlier();
    await writeKeyFile(home, VAULT_KEYS, made);
    expect((await prepare()).changes).toEqual([madeFor(1)[1], 'directory version 2 signed for 90 days']);
    expect(await fileOf(VAULT_KEYS)).toEqual(made);
  });

  it('is not made where the key of the directory, which would have to list it, is elsewhere', async () => {
    await prepare();
    await makeEarlier();
    await rm(home.path('org/acme/directory.key'));
    expect((await prepare(NOW + 60)).changes).toEqual([]);
    for (const [, name] of SERVICES) expect(kidsOf(await fileOf(name))).toEqual([]);
  });

  it('is not made for a service whose keys here are revoked, nor for one that has it in a file elsewhere', async () => {
    await prepare();
    await makeEarlier();
    const [vault, responder] = [await fileOf(VAULT_KEYS), await fileOf(RESPONDER_KEYS)];
    const elsewhere = recordOf(await makeCheckpointKey(2), NOW, { use: 90 * DAY, end: 4000 * DAY });
    await rewrite(({ entities, revoked }) => {
      entities[vault.urn]?.keys.push(elsewhere);
      for (const { kid } of responder.keys) revoked.push({ kid, reason: 'keyCompromise', at: NOW });
    });
    expect((await prepare(NOW + 60)).changes).toEqual([]);
    expect([await fileOf(VAULT_KEYS), await fileOf(RESPONDER_KEYS)]).toEqual([vault, responder]);
  });

  it('keeps its suite where the others follow the policy [guard: renew-log-key]', async () => {
    await prepare();
    const before = await fileOf(VAULT_KEYS);
    const { payload } = await parsePolicy((await home.read('org/acme/policy.json')) ?? '');
    const settings: PolicySettings = { ...policySettings(payload), suites: ['rsa2048', 'p256'] };
    await signNextPolicy(home, 'acme', settings, NOW + DAY);
    const own = await prepare(NOW + DAY).catch((error: unknown) => ({ changes: [String(error)] }));
    expect(own.changes.slice(0, 2)).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing keys of the renewer renewed for 90 days',
    ]);
    const after = await fileOf(VAULT_KEYS);
    expect(after.keys[0]).toMatchObject({ suite: 'rsa2048', pur: ['http', 'envelope'] });
    expect(kidsOf(after)).toEqual(kidsOf(before));
    expect((await prepare(NOW + DAY)).changes).toEqual([]);
  });
});

describe('a signing key in a token', () => {
  it('is not replaced by one in the file, however due it is [guard: renew-in-token]', async () => {
    await prepare();
    const vault = await fileOf(VAULT_KEYS);
    const { jwk, ...facts } = await makeKey('rsa2048', 'sig', ['http', 'envelope']);
    const token = 'pkcs11:token=bulla;object=vault?module-path=/m&pin-source=file:/p';
    const key = { ...facts, jwk: publicJwkOf(jwk), token } as TokenKey;
    await writeKeyFile(home, VAULT_KEYS, { ...vault, keys: [key, ...vault.keys] });
    await rewrite(({ entities }) => {
      entities[vault.urn]?.keys.push(recordOf(key, NOW, { use: 90 * DAY, end: 180 * DAY }));
    });
    await renewOrganisation(home, NOW + 80 * DAY);
    const { keys } = await fileOf(VAULT_KEYS);
    expect(keys.filter(({ pur }) => pur.includes('envelope'))[0]).toEqual(key);
    // Others are renewed as ever.
    expect((await fileOf(RESPONDER_KEYS)).keys.filter(({ pur }) => pur.includes('reply'))).toHaveLength(2);
  });
});
