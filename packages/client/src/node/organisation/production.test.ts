import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { prepareDevelopment } from './development.js';
import { Home } from '../home/home.js';
import { readKeyFile } from '../home/key-file.js';
import type { OwnOrganisation } from './organisation.js';
import { IDENTITY, RESPONDER_KEYS } from './key-names.js';
import { prepareProduction } from './production.js';
import { readProfile } from '../home/profile.js';
import { renewOrganisation } from './renew-organisation.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const URLS = { vaultUrl: 'https://vault.example', responderUrl: 'https://responder.example' };

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-production-'));
  home = new Home(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = (change: Partial<Parameters<typeof prepareProduction>[1]> = {}) =>
  prepareProduction(home, { org: 'acme', ...URLS, now: NOW, suite: 'p256', ...change });
const trustOf = ({ documents, pin }: OwnOrganisation, now = NOW) =>
  Trust.establish(documents, { org: 'acme', pin, now, acceptStale: true });
/** As a person does who keeps a key elsewhere. */
const takeAway = (name: string) => rename(home.path(name), join(folder, name.replaceAll('/', '_')));
const bringBack = (name: string) => rename(join(folder, name.replaceAll('/', '_')), home.path(name));

describe('an organisation of several owners', () => {
  it('is signed by as many as must, while their keys are here, and by nobody where too few are', async () => {
    const made = await prepare({ owners: { count: 3, threshold: 2 } });
    const { root } = await trustOf(made);
    expect([root.roles.root, root.roles.policy].map(({ kids, threshold }) => [kids.length, threshold])).toEqual([
      [3, 2],
      [3, 2],
    ]);
    expect(root.roles.directory.kids).toHaveLength(1);
    for (const name of ['root.2.key', 'root.3.key', 'policy.3.key']) await takeAway(`org/acme/${name}`);
    const due = NOW + 250 * DAY;
    // Of the policy two are left, and of the root one.
    expect((await renewOrganisation(home, due))?.documents.roots).toEqual(made.documents.roots);
    await bringBack('org/acme/root.3.key');
    const renewed = await renewOrganisation(home, due + 1);
    expect(renewed?.changes).toContain('root version 2 signed for a year');
    const after = await Trust.establish(renewed?.documents ?? made.documents, {
      org: 'acme',
      pin: made.pin,
      now: due + 1,
      acceptStale: true,
    });
    expect([after.root.version, after.policy.root_version, after.directory.root_version]).toEqual([2, 2, 2]);
    expect(after.root.roles).toEqual(root.roles);
  });

  it('is signed by no key that the newest root does not list [guard: home-listed-signers]', async () => {
    const made = await prepare();
    const other = new Home(join(folder, 'other'));
    await prepareProduction(other, { org: 'acme', ...URLS, now: NOW, suite: 'p256' });
    await home.write('org/acme/directory.key', (await other.readSecret('org/acme/directory.key')) ?? '');
    expect(await renewOrganisation(home, NOW + 31 * DAY)).toBeUndefined();
    await expect(prepare({ now: NOW + 31 * DAY })).rejects.toThrow('directory.key is not here');
    expect(await home.read('org/acme/directory.json')).toBe(made.documents.directory);
  });
});

describe('an organisation of profile production', () => {
  it('says where its services are, and lives by the times of the protocol', async () => {
    const made = await prepare();
    expect(made.changes).toEqual([
      'root version 1 signed for a year',
      'policy version 1 signed for a year',
      'directory version 1 signed for 90 days',
    ]);
    const trust = await trustOf(made);
    expect(trust.profile).toBe('production');
    expect(await readProfile(home)).toEqual({ vaultUrl: URLS.vaultUrl, org: 'acme', pin: made.pin });
    const [responder = ''] = trust.entitiesOf('responder');
    expect(responder).toBe('urn:bulla:acme:svc:responder:main');
    expect(trust.entity(responder)).toMatchObject({ url: URLS.responderUrl });
    const lastDay = (urn: string, purpose: 'http' | 'unwrap') =>
      Math.max(...trust.activeKeys(urn, purpose, NOW).map(({ record }) => Math.floor((record.use_until - NOW) / DAY)));
    expect(lastDay(responder, 'http')).toBe(89);
    expect(lastDay(responder, 'unwrap')).toBeGreaterThan(4000);
    expect(lastDay((await readKeyFile(home, IDENTITY))?.urn ?? '', 'http')).toBe(364);
    expect(trust.activeKeys(responder, 'http', NOW)[0]?.record.suite).toBe('p256');
  });

  it.each(['rsa2048', 'rsa3072', 'p256'] as const)('takes its own suite for what comes in later: %s', async (suite) => {
    const trust = await trustOf(await prepare({ suite }));
    expect(trust.policy.suites[0]).toBe(suite);
    expect(trust.policy.suites.toSorted()).toEqual(['p256', 'rsa2048', 'rsa3072']);
    const [responder = ''] = trust.entitiesOf('responder');
    expect(trust.activeKeys(responder, 'unwrap', NOW)[0]?.record.suite).toBe(suite);
  });

  it('makes nothing while nobody says where its services are', async () => {
    await expect(prepare({ responderUrl: undefined })).rejects.toThrow(
      'nothing says yet where clients find the responder',
    );
    expect(await home.read('bootstrap.secret')).toBeUndefined();
    expect(await home.read('org/acme/root.key')).toBeUndefined();
  });

  it('is renewed in its folder, without being told anything again', async () => {
    const first = await prepare();
    expect((await renewOrganisation(home, NOW + 4 * DAY))?.changes).toEqual([]);
    const renewed = await renewOrganisation(home, NOW + 61 * DAY);
    expect(renewed?.changes).toEqual([
      'signing key of the vault renewed for 90 days',
      'signing key of the responder renewed for 90 days',
      'signing keys of the renewer renewed for 90 days',
      'directory version 2 signed for 90 days',
    ]);
    expect(renewed?.pin).toBe(first.pin);
    const trust = await trustOf(renewed ?? first, NOW + 61 * DAY);
    expect(trust.entity(trust.entitiesOf('vault')[0] ?? '')).toMatchObject({ url: URLS.vaultUrl });
    expect((await readKeyFile(home, RESPONDER_KEYS))?.keys.map(({ suite }) => suite)).toEqual([
      'p256',
      'p256',
      'p256',
      'ed25519',
    ]);
  });

  it('needs the keys of root and policy once a year only, and never makes others in their place', async () => {
    const first = await prepare();
    for (const name of ['root', 'policy']) await takeAway(`org/acme/${name}.key`);
    const soon = await renewOrganisation(home, NOW + 27 * DAY);
    // Nobody called it the newest since: that is what is signed again.
    expect(soon?.changes).toEqual(['directory version 2 signed for 90 days']);
    expect(await home.read('org/acme/root.key')).toBeUndefined();
    const due = NOW + 245 * DAY;
    expect((await renewOrganisation(home, due))?.documents.roots).toEqual(first.documents.roots);
    for (const name of ['root', 'policy']) await bringBack(`org/acme/${name}.key`);
    const yearly = await renewOrganisation(home, due);
    expect(yearly?.changes).toEqual([
      'root version 2 signed for a year',
      'policy version 2 signed for a year',
      'directory version 4 signed for 90 days',
    ]);
    expect((await trustOf(yearly ?? first, due)).root.version).toBe(2);
  });

  it('is not renewed where the key of its directory is not', async () => {
    await prepare();
    await takeAway('org/acme/directory.key');
    expect(await renewOrganisation(home, NOW + 5 * DAY)).toBeUndefined();
    expect((await prepare({ now: NOW + 5 * DAY })).changes).toEqual([]);
    await expect(prepare({ responderUrl: 'https://elsewhere.example' })).rejects.toThrow(
      /directory\.key is not here, and it must sign the directory/,
    );
    expect(await renewOrganisation(new Home(join(folder, 'empty')), NOW)).toBeUndefined();
  });

  it('does not make new keys of a service in the place of lost ones', async () => {
    await prepare();
    await takeAway(RESPONDER_KEYS);
    await expect(prepare()).rejects.toThrow(/responder\.keys\.json is gone and the directory lists its keys/);
  });

  it('shares its folder with no other organisation', async () => {
    await prepare();
    await expect(prepare({ org: 'globex' })).rejects.toThrow(/set up for the organisation acme/);
    await expect(prepareDevelopment(home, { ...URLS, now: NOW })).rejects.toThrow(/set up for the organisation acme/);
  });
});
