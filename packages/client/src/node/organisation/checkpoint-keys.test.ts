import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DirectoryDocument, KeyFile, KeyPurpose, SuiteId, TokenKey } from '@bulla/crypto';
import { isCheckpointKey, parseDirectory, parsePolicy, publicJwkOf, signDocument, Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findDocumentSigner } from './document-key.js';
import { writeFreshKeys } from './fresh-keys.js';
import { Home } from '../home/home.js';
import { makeCheckpointKey, makeKey, readKeyFile, recordOf, writeKeyFile } from '../home/key-file.js';
import type { OwnOrganisation } from './organisation.js';
import { IDENTITY, RENEWER_KEYS, RESPONDER_KEYS, VAULT_KEYS } from './organisation-keys.js';
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
const MADE = SERVICES.map(([who]) => `key for checkpoints of the ${who} made for 90 days`);

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

/** As the folder was left by a version before there were keys for checkpoints. */
async function makeEarlier(): Promise<void> {
  for (const [, name] of SERVICES) {
    const file = await fileOf(name);
    await writeKeyFile(home, name, { ...file, keys: file.keys.filter((key) => !isCheckpointKey(key)) });
  }
  await rewrite(({ entities }) => {
    for (const entity of Object.values(entities)) entity.keys = entity.keys.filter((key) => !isCheckpointKey(key));
  });
}

describe('the key for checkpoints of a service', () => {
  it('is made with its other keys, of one suite, and signs as long as they do', async () => {
    const trust = await trustOf(await prepare(), NOW);
    for (const [, name] of SERVICES) {
      const file = await fileOf(name);
      const [kid = ''] = kidsOf(file);
      expect(kidsOf(file)).toHaveLength(1);
      const [listed] = trust.activeKeys(file.urn, 'checkpoint', NOW);
      const [other] = trust.activeKeys(file.urn, 'http', NOW);
      expect(listed?.record).toMatchObject({ kid, suite: 'ed25519', pur: ['checkpoint'] });
      expect(listed?.record.use_until).toBe(other?.record.use_until);
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
    expect(own?.changes).toEqual([...MADE, 'directory version 2 signed for 90 days']);
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

  it('is made anew, before the one that is there, where logs begin anew', async () => {
    await prepare();
    const before = await Promise.all(SERVICES.map(async ([, name]) => kidsOf(await fileOf(name))));
    const own = await renewOrganisation(home, NOW + 60, { beginsLogs: true });
    expect(own?.changes).toEqual([...MADE, 'directory version 2 signed for 90 days']);
    if (own === undefined) throw new Error('it was not prepared');
    const trust = await trustOf(own, NOW + 60);
    for (const [index, [, name]] of SERVICES.entries()) {
      const file = await fileOf(name);
      const [first, second, ...more] = kidsOf(file);
      expect([second, ...more]).toEqual(before[index]);
      // What the old one signed is still to be verified.
      const listed = trust.activeKeys(file.urn, 'checkpoint', NOW + 60).map(({ record }) => record.kid);
      expect(listed.toSorted()).toEqual([first, second].toSorted());
    }
  });

  it('is listed by the next run where one was interrupted after its file', async () => {
    await prepare();
    const made = await fileOf(VAULT_KEYS);
    await makeEarlier();
    await writeKeyFile(home, VAULT_KEYS, made);
    expect((await prepare()).changes).toEqual([MADE[1], 'directory version 2 signed for 90 days']);
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
    const elsewhere = recordOf(await makeCheckpointKey(), NOW, { use: 90 * DAY, end: 4000 * DAY });
    await rewrite(({ entities, revoked }) => {
      entities[vault.urn]?.keys.push(elsewhere);
      for (const { kid } of responder.keys) revoked.push({ kid, reason: 'keyCompromise', at: NOW });
    });
    expect((await prepare(NOW + 60)).changes).toEqual([]);
    expect([await fileOf(VAULT_KEYS), await fileOf(RESPONDER_KEYS)]).toEqual([vault, responder]);
  });

  it('is renewed by itself when it alone is due, and keeps its suite where the others follow the policy', async () => {
    await prepare();
    await makeEarlier();
    await prepare(NOW + 20 * DAY);
    // The others are due; the one that came later is not.
    expect((await renewOrganisation(home, NOW + 30 * DAY))?.changes.slice(0, 2)).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing key of the responder renewed for 90 days',
    ]);
    const [before = ''] = kidsOf(await fileOf(VAULT_KEYS));
    expect((await renewOrganisation(home, NOW + 50 * DAY))?.changes.slice(0, 2)).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing key of the responder renewed for 90 days',
    ]);
    const renewed = await fileOf(VAULT_KEYS);
    expect(kidsOf(renewed)).toEqual([renewed.keys[0]?.kid, before]);

    const { payload } = await parsePolicy((await home.read('org/acme/policy.json')) ?? '');
    const settings: PolicySettings = { ...policySettings(payload), suites: ['rsa2048', 'p256'] };
    await signNextPolicy(home, 'acme', settings, NOW + 51 * DAY);
    const own = await prepare(NOW + 51 * DAY);
    expect(own.changes.slice(0, 2)).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing keys of the renewer renewed for 90 days',
    ]);
    const after = await fileOf(VAULT_KEYS);
    expect(after.keys[0]).toMatchObject({ suite: 'rsa2048', pur: ['http', 'envelope'] });
    expect(kidsOf(after)).toEqual(kidsOf(renewed));
    expect((await prepare(NOW + 51 * DAY)).changes).toEqual([]);
  });
});

describe('a signing key in a token', () => {
  it('is made for services alone: a renewer signs by its file [guard: token-service]', async () => {
    await prepare();
    const made: string[][] = [];
    const makeSigning = (suite: SuiteId, purposes: KeyPurpose[]) => {
      made.push(purposes);
      return makeKey(suite, 'sig', purposes);
    };
    const write = (name: string) =>
      writeFreshKeys({ home, name }, { home, name: 'fresh.json' }, { beside: ['signing'], makeSigning });
    await expect(write(RENEWER_KEYS)).rejects.toThrow('signs by the keys in its file');
    expect(made).toEqual([]);
    await write(VAULT_KEYS);
    expect(made).toEqual([['http', 'envelope'], ['content']]);
  });

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
    expect(keys.filter(isCheckpointKey)).toHaveLength(2);
  });
});

describe('a file of fresh keys', () => {
  const fresh = async (name: string, options?: Parameters<typeof writeFreshKeys>[2]) => {
    await writeFreshKeys({ home, name }, { home, name: 'fresh.json' }, options);
    const file = await fileOf('fresh.json');
    await rm(home.path('fresh.json'));
    return file;
  };

  it.each(SERVICES)('of a %s has one for checkpoints, whatever suite the others are of', async (_who, name) => {
    await prepare();
    const before = await fileOf(name);
    const kids = new Set(before.keys.map(({ kid }) => kid));
    for (const suite of [undefined, 'rsa2048'] as const) {
      const { urn, keys } = await fresh(name, { suite });
      expect(urn).toBe(before.urn);
      expect(keys.map(({ pur }) => pur)).toEqual(before.keys.map(({ pur }) => pur));
      expect(keys.map((key) => key.suite)).toEqual(
        keys.map((key) => (isCheckpointKey(key) ? 'ed25519' : (suite ?? 'p256'))),
      );
      expect(keys.some(({ kid }) => kids.has(kid))).toBe(false);
    }
  });

  it('is like one from before, too, in which a renewed key for checkpoints may come first', async () => {
    await prepare();
    const { keys, ...file } = await fileOf(VAULT_KEYS);
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: keys.toReversed() });
    const ALL = [['http', 'envelope'], ['checkpoint'], ['content'], ['deposit']];
    expect((await fresh(VAULT_KEYS)).keys.map(({ pur }) => pur)).toEqual(ALL);
    await makeEarlier();
    expect((await fresh(VAULT_KEYS)).keys.map(({ pur }) => pur)).toEqual(ALL);
  });

  it('may keep all keys and have a fresh one for checkpoints, before the old', async () => {
    await prepare();
    const { keys } = await fileOf(RESPONDER_KEYS);
    const [sig, enc, old] = keys;
    const made = (await fresh(RESPONDER_KEYS, { beside: ['checkpoint'] })).keys;
    expect(made).toEqual([sig, enc, expect.objectContaining({ pur: ['checkpoint'] }), old]);
    expect(made[2]?.kid).not.toBe(old?.kid);
    await expect(fresh(IDENTITY, { beside: ['checkpoint'] })).rejects.toThrow(
      'signs no checkpoints: it is neither a vault nor a responder',
    );
    expect((await fresh(IDENTITY)).keys.map(({ use }) => use)).toEqual(['sig', 'enc']);
  });

  it('may keep all keys of a vault and have those for managed names, where it has none', async () => {
    await prepare();
    const { keys, ...file } = await fileOf(VAULT_KEYS);
    const isOld = ({ pur }: { pur: readonly string[] }) => !pur.includes('content') && !pur.includes('deposit');
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: keys.filter(isOld) });
    const made = (await fresh(VAULT_KEYS, { beside: ['managed'] })).keys;
    expect(made.map(({ pur }) => pur)).toEqual([['http', 'envelope'], ['checkpoint'], ['content'], ['deposit']]);
    expect(made.filter(isOld)).toEqual(keys.filter(isOld));
    await writeKeyFile(home, VAULT_KEYS, { ...file, keys: made });
    expect((await fresh(VAULT_KEYS, { beside: ['managed'] })).keys).toEqual(made);
    await expect(fresh(RESPONDER_KEYS, { beside: ['managed'] })).rejects.toThrow('only a vault does');
  });
});
