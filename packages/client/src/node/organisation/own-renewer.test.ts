import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDirectory, parsePolicy, signDirectoryFreshness, signDocument, timestampOf, Trust } from '@bulla/crypto';
import { folderForTest } from '@bulla/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { renewerIdentityOf } from '../../renewer/renewer-identity.js';
import { prepareDevelopment } from './development.js';
import { findDocumentSigner } from './document-key.js';
import { Home } from '../home/home.js';
import { readKeyFile } from '../home/key-file.js';
import { DAY } from './life.js';
import type { OwnOrganisation } from './organisation.js';
import { RENEWER_KEYS } from './key-names.js';
import { RENEWER_MEMORY } from './own-renewer.js';
import { prepareProduction } from './production.js';
import { renewOrganisation } from './renew-organisation.js';
import { FileTrustStore } from '../trust-store.js';

const NOW = 1_800_000_000;
const URLS = { vaultUrl: 'http://127.0.0.1:4100', responderUrl: 'http://127.0.0.1:4200' };

let home: Home;
beforeEach(() => {
  home = new Home(join(folderForTest('renewer'), 'home'));
});

const prepare = (now = NOW) => prepareDevelopment(home, { ...URLS, now, suite: 'p256' });
const produce = (now = NOW) => prepareProduction(home, { org: 'acme', ...URLS, now, suite: 'p256' });
const establish = ({ documents, pin, org }: OwnOrganisation, now: number) =>
  Trust.establish(documents, { org, pin, now, acceptStale: true });
const renewersOf = (trust: Trust) => trust.entitiesOf('device').filter((urn) => trust.hasRole(urn, 'renewer'));
const memoryOf = ({ org, pin }: Pick<OwnOrganisation, 'org' | 'pin'>) =>
  new FileTrustStore(home, RENEWER_MEMORY).load(org, pin);

/** Makes the folder one of an organisation without a renewer, as they were made before. */
async function makeEarlier(org: string): Promise<void> {
  const signer = await findDocumentSigner(home, `org/${org}/directory.key`);
  const { payload } = await parseDirectory((await home.read(`org/${org}/directory.json`)) ?? '');
  if (signer === undefined) throw new Error('there is no key');
  const isRenewer = (entity: object) => (entity as { roles: string[] }).roles.includes('renewer');
  const entities = Object.fromEntries(Object.entries(payload.entities).filter(([, entity]) => !isRenewer(entity)));
  await home.write(`org/${org}/directory.json`, await signDocument({ ...payload, entities }, [signer]));
  for (const name of [RENEWER_KEYS, RENEWER_MEMORY]) await home.remove(name);
}

/** Keeps what this folder's owner has seen of a directory, with words of its renewer. */
async function see(own: OwnOrganisation, now: number, said?: number): Promise<void> {
  const trust = await establish(own, now);
  const file = await readKeyFile(home, RENEWER_KEYS);
  const { urn, freshSigners } = await renewerIdentityOf(file ?? { v: 1, org: own.org, urn: '', keys: [] });
  const [signer] = freshSigners;
  if (signer === undefined) throw new Error('there is no key');
  const claims = {
    iss: urn,
    aud: `urn:bulla:${own.org}`,
    dir: trust.directoryRef,
    purpose: 'directory.fresh',
  } as const;
  const fresh =
    said === undefined ? [] : [await signDirectoryFreshness({ ...claims, iat: said, exp: said + 7 * DAY }, signer)];
  const documents = { ...own.documents, fresh };
  const state = { pin: own.pin, documents, memory: trust.memory, fetchedAt: now, names: [] };
  await new FileTrustStore(home).update(own.org, own.pin, () => state);
}

describe('the renewer of an organisation', () => {
  it.each([
    ['development', prepare],
    ['production', produce],
  ])('is there from its first directory on, with a memory of that: %s', async (_profile, make) => {
    const own = await make();
    const trust = await establish(own, NOW);
    expect(trust.directory.version).toBe(1);
    const [urn = '', ...others] = renewersOf(trust);
    expect(others).toEqual([]);
    const file = await readKeyFile(home, RENEWER_KEYS);
    expect(file).toMatchObject({ urn, keys: [{ pur: ['http'] }, { pur: ['fresh'] }] });
    expect(trust.entity(urn)).toMatchObject({ roles: ['renewer'], groups: [] });
    expect(trust.entitiesOf('device').map((one) => trust.userOf(one))).toHaveLength(2);
    expect(new Set(trust.entitiesOf('device').map((one) => trust.userOf(one))).size).toBe(2);
    const memory = await memoryOf(own);
    expect(memory).toMatchObject({ pin: own.pin, names: [], memory: { directory: { hash: trust.directoryRef.hash } } });
  });

  it('is never given another memory, once it was born', async () => {
    const born = await produce();
    await home.remove(RENEWER_MEMORY);
    const { changes } = await produce(NOW + 30 * DAY);
    expect(changes).toContain('directory version 2 signed for 90 days');
    expect(await memoryOf(born)).toBeUndefined();
  });

  it('comes to a development folder that has none, and to no other', async () => {
    await prepare();
    await makeEarlier('dev');
    const own = await prepare(NOW + 60);
    expect(own.changes).toEqual([
      'renewer listed, which says every hour what is the newest',
      'directory version 2 signed for 90 days',
    ]);
    const trust = await establish(own, NOW + 60);
    expect(renewersOf(trust)).toEqual([(await readKeyFile(home, RENEWER_KEYS))?.urn]);
    expect(await memoryOf(own)).toMatchObject({ memory: { directory: { version: 2 } } });
    expect((await prepare(NOW + 60)).changes).toEqual([]);
  });

  it('does not come to a development folder whose directory is signed elsewhere', async () => {
    await prepare();
    await makeEarlier('dev');
    await rm(home.path('org/dev/directory.key'));
    expect((await prepare(NOW + 60)).changes).toEqual([]);
    expect(await home.read(RENEWER_KEYS)).toBeUndefined();
  });

  it('is not added to an organisation in production, for which nothing is signed', async () => {
    await produce();
    await makeEarlier('acme');
    expect((await produce(NOW + 60)).changes).toEqual([]);
    expect((await renewOrganisation(home, NOW + 60))?.changes).toEqual([]);
    expect(await home.read(RENEWER_KEYS)).toBeUndefined();
  });

  it('gets new keys beside its old ones, but none once they are revoked', async () => {
    const first = await establish(await produce(), NOW);
    const [urn = ''] = renewersOf(first);
    const renewed = await renewOrganisation(home, NOW + 28 * DAY);
    expect(renewed?.changes).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing key of the responder renewed for 90 days',
      'signing keys of the renewer renewed for 90 days',
      'directory version 2 signed for 90 days',
    ]);
    const file = await readKeyFile(home, RENEWER_KEYS);
    expect(file?.keys.map(({ pur }) => pur)).toEqual([['http'], ['fresh'], ['http'], ['fresh']]);
    if (renewed === undefined) throw new Error('it was not renewed');
    const { directory } = await establish(renewed, NOW + 28 * DAY);
    const kids = directory.entities[urn]?.keys.map(({ kid }) => kid);
    expect(kids?.toSorted()).toEqual(file?.keys.map(({ kid }) => kid).toSorted());

    const signer = await findDocumentSigner(home, 'org/acme/directory.key');
    if (signer === undefined) throw new Error('there is no key');
    const revoked = (kids ?? []).map((kid) => ({ kid, reason: 'superseded', at: NOW }) as const);
    await home.write('org/acme/directory.json', await signDocument({ ...directory, revoked }, [signer]));
    expect((await renewOrganisation(home, NOW + 56 * DAY))?.changes).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing key of the responder renewed for 90 days',
      'directory version 3 signed for 90 days',
    ]);
    expect(await readKeyFile(home, RENEWER_KEYS)).toEqual(file);
  });
});

describe('a directory that nobody calls the newest', () => {
  it('is due where it is renewed, and not where services start', async () => {
    const own = await produce();
    const at = NOW + 10 * DAY;
    await see(own, NOW, NOW + 4 * DAY);
    expect((await renewOrganisation(home, at))?.changes).toEqual([]);
    await see(own, NOW, NOW + 2 * DAY);
    expect((await produce(at)).changes).toEqual([]);
    expect((await renewOrganisation(home, at))?.changes).toEqual(['directory version 2 signed for 90 days']);
    expect((await renewOrganisation(home, at))?.changes).toEqual([]);
  });
});

describe('a policy of before', () => {
  it('is followed by one that says what the newest means', async () => {
    await produce();
    const [policySigner, directorySigner] = [
      await findDocumentSigner(home, 'org/acme/policy.key'),
      await findDocumentSigner(home, 'org/acme/directory.key'),
    ];
    if (policySigner === undefined || directorySigner === undefined) throw new Error('there is no key');
    const { payload } = await parsePolicy((await home.read('org/acme/policy.json')) ?? '');
    const earlier = await signDocument({ ...payload, spec: '1' }, [policySigner]);
    const { hash } = await parsePolicy(earlier);
    const directory = (await parseDirectory((await home.read('org/acme/directory.json')) ?? '')).payload;
    await home.write('org/acme/policy.json', earlier);
    const named = { ...directory, issued: timestampOf(NOW), policy: { version: 1, hash } };
    await home.write('org/acme/directory.json', await signDocument(named, [directorySigner]));
    const own = await produce(NOW + 60);
    expect(own.changes).toEqual(['policy version 2 signed for a year', 'directory version 2 signed for 90 days']);
    expect((await parsePolicy(own.documents.policy)).payload.spec).toBe('2');
  });
});
