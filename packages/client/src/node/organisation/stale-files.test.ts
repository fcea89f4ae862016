import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DirectoryDocument, KeyFile, KeyRecord } from '@bulla/crypto';
import { fingerprint, parseDirectory, parsePolicy, signDocument } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findDocumentSigner } from './document-key.js';
import { writeFreshKeys } from './fresh-keys.js';
import { Home } from '../home/home.js';
import { readKeyFile, recordOf } from '../home/key-file.js';
import { RENEWER_KEYS, RESPONDER_KEYS, VAULT_KEYS } from './key-names.js';
import { signNextPolicy } from './policy-file.js';
import { policySettings } from './policy-settings.js';
import { prepareProduction } from './production.js';
import { renewOrganisation } from './renew-organisation.js';
import { newerThan } from './stale-files.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const LIFE = { use: 90 * DAY, end: 180 * DAY };

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-stale-'));
  home = new Home(join(folder, 'home'));
  const urls = { vaultUrl: 'https://vault.example', responderUrl: 'https://responder.example' };
  await prepareProduction(home, { org: 'acme', ...urls, now: NOW, suite: 'p256' });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const fileOf = async (name: string): Promise<KeyFile> => {
  const file = await readKeyFile(home, name);
  if (file === undefined) throw new Error(`${name} is there`);
  return file;
};
const directory = async () => (await parseDirectory((await home.read('org/acme/directory.json')) ?? '')).payload;
const kidsListed = async (urn: string) => (await directory()).entities[urn]?.keys.map(({ kid }) => kid) ?? [];

/** Signs the directory of this folder anew, with a change. */
async function rewrite(change: (draft: DirectoryDocument) => void): Promise<void> {
  const signer = await findDocumentSigner(home, 'org/acme/directory.key');
  if (signer === undefined) throw new Error('the key is here');
  const draft = structuredClone(await directory());
  change(draft);
  await home.write('org/acme/directory.json', await signDocument(draft, [signer]));
}

/** New keys by the guide: the file is made where the service is, and its keys are listed. @returns its newest key */
async function rotateElsewhere(name: string, beside: 'signing' | 'encryption', at: number): Promise<string> {
  const there = new Home(join(folder, 'there'));
  const file = await writeFreshKeys({ home, name }, { home: there, name }, { beside: [beside] });
  const listed = await kidsListed(file.urn);
  const fresh = file.keys.find(({ kid }) => !listed.includes(kid));
  if (fresh === undefined) throw new Error('a key is fresh');
  await rewrite(({ entities }) => entities[file.urn]?.keys.unshift(recordOf(fresh, at, LIFE)));
  return fresh.kid;
}

/** Has the policy name another suite first, which the vault and the renewer follow. */
async function followAnotherSuite(): Promise<void> {
  const { payload } = await parsePolicy((await home.read('org/acme/policy.json')) ?? '');
  await signNextPolicy(home, 'acme', { ...policySettings(payload), suites: ['rsa2048', 'p256'] }, NOW + 2 * DAY);
}

describe('a copy of key files that is older than the directory', () => {
  it.each([
    ['a key is due', NOW + 80 * DAY, false],
    ['the policy names another suite', NOW + 2 * DAY, true],
    ['logs begin anew', NOW + 2 * DAY, 'logs'],
  ] as const)('is left alone when %s, and said [guard: renew-stale]', async (_why, at, how) => {
    const newer = await rotateElsewhere(VAULT_KEYS, 'signing', NOW + DAY);
    const [file, renewer] = [await fileOf(VAULT_KEYS), await fileOf(RENEWER_KEYS)];
    const listed = await kidsListed(file.urn);
    if (how === true) await followAnotherSuite();
    const renewed = await renewOrganisation(home, at, { beginsLogs: how === 'logs' });
    expect(await fileOf(VAULT_KEYS)).toEqual(file);
    expect(await kidsListed(file.urn)).toEqual(listed);
    expect(renewed?.stale).toEqual([
      `${home.path(VAULT_KEYS)} is stale: the directory lists ${fingerprint(newer)} of ${file.urn}, which is newer than its keys. Nothing was made or listed for the vault: copy the file that the vault works with over it; new keys are made where that file is (bulla keys rotate vault)`,
    ]);
    expect(renewed?.changes.filter((line) => line.includes('of the vault'))).toEqual([]);
    // Others are renewed as ever.
    expect((await fileOf(RENEWER_KEYS)).keys.length > renewer.keys.length).toBe(how !== 'logs');
    const begun = renewed?.changes.includes('key for audit log 2 of the responder made for two years');
    expect(begun).toBe(how === 'logs');
  });

  it('lists none of its keys: not one that an interrupted run had made in it', async () => {
    const { urn, keys } = await fileOf(RESPONDER_KEYS);
    const listed = await kidsListed(urn);
    await rotateElsewhere(RESPONDER_KEYS, 'encryption', NOW + DAY);
    // As a run leaves it that was ended before it signed.
    await writeFreshKeys({ home, name: RESPONDER_KEYS }, { home, name: 'made.json' }, { beside: ['encryption'] });
    await home.writeSecret(RESPONDER_KEYS, (await home.readSecret('made.json')) ?? '');
    const asked: string[] = [];
    const leavesOut = async (unlisted: readonly { urn: string }[]) => {
      asked.push(...unlisted.map((one) => one.urn));
      return new Set<string>();
    };
    expect((await renewOrganisation(home, NOW + 80 * DAY, { leavesOut }))?.stale).toHaveLength(1);
    expect(asked).toEqual([]);
    expect(await kidsListed(urn)).toHaveLength(listed.length + 1);
    expect((await fileOf(RESPONDER_KEYS)).keys).toHaveLength(keys.length + 1);
  });

  it('is one no more when the newest file lies in its place', async () => {
    await rotateElsewhere(VAULT_KEYS, 'signing', NOW + DAY);
    const there = new Home(join(folder, 'there'));
    await home.writeSecret(VAULT_KEYS, (await there.readSecret(VAULT_KEYS)) ?? '');
    const renewed = await renewOrganisation(home, NOW + 80 * DAY);
    expect(renewed?.stale).toEqual([]);
    expect(renewed?.changes.some((line) => line.includes('of the vault renewed'))).toBe(true);
  });
});

describe('the newest of listed keys', () => {
  const record = (kid: string, nbf: number, use_until: number, pur: KeyRecord['pur'] = ['http']) =>
    ({ kid, nbf, use_until, end: use_until + 10, pur }) as KeyRecord;
  const file = (...kids: string[]) => ({ keys: kids.map((kid) => ({ kid })) }) as KeyFile;

  it.each<[string, KeyFile, KeyRecord[], string | undefined]>([
    ['is in the file', file('b', 'a'), [record('a', 0, 100), record('b', 5, 105)], undefined],
    ['is not in the file', file('a'), [record('a', 0, 100), record('b', 5, 105)], 'b'],
    ['is one for another purpose', file('a'), [record('a', 0, 100), record('c', 5, 105, ['checkpoint'])], 'c'],
    [
      'was ended before its time: the one before it counts',
      file('b'),
      [record('b', 5, 105), record('c', 9, 9)],
      undefined,
    ],
    ['was ended, and the one before it is not there', file('c', 'a'), [record('b', 5, 105), record('c', 9, 9)], 'b'],
    ['has ended like all before it', file('a'), [record('a', 0, 1), record('b', 5, 6)], 'b'],
    ['is as old as another, which is there', file('a'), [record('a', 5, 105), record('b', 5, 105)], undefined],
    ['is none', file('a'), [], undefined],
  ])('%s', (_what, of, records, newer) => {
    expect(newerThan(of, records, 50)).toBe(newer);
  });
});
