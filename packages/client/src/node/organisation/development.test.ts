import { copyFile, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KeyFile } from '@bulla/crypto';
import { FIRST_CHAIN, foldChain, parseDirectory, parseRoot, pinOf, signDocument, Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityOf } from '../../connection/identity.js';
import { DEVELOPMENT_ORG, prepareDevelopment } from './development.js';
import { findDocumentSigner } from './document-key.js';
import { Home } from '../home/home.js';
import { readKeyFile } from '../home/key-file.js';
import type { OwnOrganisation } from './organisation.js';
import { IDENTITY, RENEWER_KEYS, RESPONDER_KEYS, VAULT_KEYS } from './key-names.js';
import { RENEWER_MEMORY } from './own-renewer.js';
import { readProfile, writeProfile } from '../home/profile.js';
import { FileTrustStore } from '../trust-store.js';

const NOW = 1_800_000_000;
const DAY = 86_400;
const ADDRESSES = { vaultUrl: 'http://127.0.0.1:4100', responderUrl: 'http://127.0.0.1:4200' };

let folder: string;
let home: Home;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-development-'));
  home = new Home(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const prepare = (change: Partial<Parameters<typeof prepareDevelopment>[1]> = {}, where = home) =>
  prepareDevelopment(where, { ...ADDRESSES, now: NOW, suite: 'p256', ...change });
const trustOf = ({ documents, pin }: OwnOrganisation, now = NOW) =>
  Trust.establish(documents, { org: DEVELOPMENT_ORG, pin, now });

/** Notes what is written in its order: two files that are written at once bear the same time. */
class NotingHome extends Home {
  readonly written: string[] = [];

  override async write(name: string, text: string): Promise<void> {
    await super.write(name, text);
    this.written.push(name);
  }
}

/** Every file, by its name. */
async function filesOf(where: Home): Promise<string[]> {
  const entries = await readdir(where.folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(where.folder.length + 1))
    .toSorted();
}

async function contentsOf(where: Home): Promise<Map<string, string | undefined>> {
  const names = await filesOf(where);
  return new Map(await Promise.all(names.map(async (name) => [name, await where.read(name)] as const)));
}

describe('the development organisation', () => {
  it('is made of files for their owner alone, with everybody in its directory', async () => {
    const made = await prepareDevelopment(home, { ...ADDRESSES, now: NOW });
    expect(made.changes).toEqual([
      'root version 1 signed for a year',
      'policy version 1 signed for a year',
      'directory version 1 signed for 90 days',
    ]);
    const trust = await trustOf(made);
    expect(trust.profile).toBe('development');
    const device = await readKeyFile(home, IDENTITY);
    const identity = await identityOf(device as KeyFile);
    expect(trust.requireKey(identity.signer.kid, { usage: 'http', purpose: 'http', now: NOW, check: '' }).urn).toBe(
      identity.urn,
    );
    expect(trust.mayAuthor(identity.urn, 'anything')).toBe(true);
    expect(trust.mayTag(identity.urn, 'anything', 'production')).toBe(true);
    expect(trust.hasRole(identity.urn, 'invoker')).toBe(true);
    for (const name of [VAULT_KEYS, RESPONDER_KEYS, RENEWER_KEYS]) {
      const file = await readKeyFile(home, name);
      expect(file?.keys.map(({ suite }) => suite)).toContain('rsa2048');
      // Those for managed names are listed once the policy has some.
      const listed = file?.keys.filter(
        ({ pur }) => name !== VAULT_KEYS || !['content', 'deposit'].includes(pur[0] ?? ''),
      );
      expect(trust.entity(file?.urn ?? '')?.keys.map(({ kid }) => kid)).toEqual(listed?.map(({ kid }) => kid));
    }
    expect(await readProfile(home)).toEqual({ vaultUrl: ADDRESSES.vaultUrl, org: DEVELOPMENT_ORG, pin: made.pin });
    expect(made.pin).toBe(pinOf(await parseRoot(made.documents.roots[0] ?? '')));
    expect(made.bootstrapSecret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    for (const name of await filesOf(home)) expect((await stat(home.path(name))).mode & 0o777).toBe(0o600);
  });

  it('stays as it is when it is prepared again', async () => {
    const first = await prepare();
    const before = await contentsOf(home);
    const second = await prepare({ now: NOW + DAY });
    expect(second.changes).toEqual([]);
    expect({ ...second, earlier: 0, hashes: 0 }).toEqual({ ...first, changes: [], earlier: 0, hashes: 0 });
    expect(await second.hashes()).toEqual([]);
    expect(await contentsOf(home)).toEqual(before);
  });

  it('is finished by the next run, wherever the first was interrupted', async () => {
    const noting = new NotingHome(home.folder);
    await prepare({}, noting);
    const files = noting.written;
    expect(files.toSorted()).toEqual(await filesOf(home));
    expect(files.length).toBeGreaterThan(10);
    for (let count = 0; count <= files.length; count++) {
      const half = new Home(join(folder, `after-${count}`));
      for (const name of files.slice(0, count)) {
        await mkdir(dirname(half.path(name)), { recursive: true });
        await copyFile(home.path(name), half.path(name));
      }
      // A temporary file of the write that was under way.
      await half.write('org/dev/root.json.0.tmp', 'ha');
      const finished = await prepare({ now: NOW + 5 }, half);
      expect((await trustOf(finished, NOW + 5)).directory.version).toBe(1);
      // A version that no newer file follows yet was promised to nobody, and is signed again; what begins something is, too.
      const isBegun = (name: string) => name === RENEWER_MEMORY || name.startsWith('audit/');
      const isLast = (name: string) => isBegun(name) && name === files[count - 1];
      const kept = files
        .slice(0, count)
        .filter((name) => !/\/(?:policy|directory)\.1\.json$/.test(name) && !isLast(name));
      for (const name of kept) expect(await half.read(name)).toBe(await home.read(name));
      expect((await prepare({ now: NOW + 10 }, half)).changes).toEqual([]);
    }
  });

  it('follows its services to other addresses', async () => {
    await prepare();
    const moved = await prepare({ vaultUrl: 'http://127.0.0.1:5100', responderUrl: 'http://127.0.0.1:5200' });
    expect(moved.changes).toEqual(['directory version 2 signed for 90 days']);
    const trust = await trustOf(moved);
    expect(trust.entitiesOf('responder').map((urn) => (trust.entity(urn) as { url: string }).url)).toEqual([
      'http://127.0.0.1:5200',
    ]);
    expect((await readProfile(home))?.vaultUrl).toBe('http://127.0.0.1:5100');
  });

  it('renews what is due, one line each, and keeps what it renews', async () => {
    const first = await prepare();
    expect((await prepare({ now: NOW + 27 * DAY })).changes).toEqual([]);
    const second = await prepare({ now: NOW + 28 * DAY });
    expect(second.changes).toEqual(['directory version 2 signed for 90 days']);
    const third = await prepare({ now: NOW + 244 * DAY });
    expect(third.changes).toEqual([
      'root version 2 signed for a year',
      'policy version 2 signed for a year',
      'directory version 3 signed for 90 days',
    ]);
    expect(third.documents.roots).toHaveLength(2);
    expect(third.pin).toBe(first.pin);
    expect(await third.earlier('directory', 2)).toBe(second.documents.directory);
    expect(await third.earlier('policy', 1)).toBe(first.documents.policy);
    expect(await third.earlier('policy', 9)).toBeUndefined();
    // Each continues the one before: who knew the first takes the third.
    const known = await trustOf(first);
    const at = NOW + 244 * DAY;
    const between = await Trust.establish(second.documents, {
      org: DEVELOPMENT_ORG,
      pin: first.pin,
      now: NOW + 28 * DAY,
      previous: known,
    });
    const newest = await Trust.establish(third.documents, {
      org: DEVELOPMENT_ORG,
      pin: first.pin,
      now: at,
      previous: between,
    });
    expect(newest.directory.version).toBe(3);
    expect((await prepare({ now: at })).changes).toEqual([]);
  });

  it('renews signing keys in good time; the old ones stay listed, and nothing that is sealed is lost', async () => {
    const first = await trustOf(await prepare());
    const before = await identityOf((await readKeyFile(home, IDENTITY)) as KeyFile);
    const at = NOW + 490 * DAY;
    const renewed = await prepare({ now: at });
    expect(renewed.changes).toEqual([
      'key for audit log 2 of the vault made for two years',
      'key for audit log 2 of the responder made for two years',
      'signing key of the vault renewed for two years',
      'signing key of the responder renewed for two years',
      'signing key of the device renewed for two years',
      'signing keys of the renewer renewed for two years',
      'root version 2 signed for a year',
      'policy version 2 signed for a year',
      'directory version 2 signed for 90 days',
    ]);
    const trust = await trustOf(renewed, at);
    const after = await identityOf((await readKeyFile(home, IDENTITY)) as KeyFile);
    expect(after.signer.kid).not.toBe(before.signer.kid);
    expect(after.olderSigners.map(({ kid }) => kid)).toEqual([before.signer.kid]);
    expect([...after.unwrappers.keys()]).toEqual([...before.unwrappers.keys()]);
    expect(
      trust.requireKey(before.signer.kid, { usage: 'durable', purpose: 'tag', now: at + 8 * 365 * DAY, check: '' }).urn,
    ).toBe(before.urn);
    expect(trust.activeKeys(after.urn, 'http', at).map(({ record }) => record.kid)).toEqual([
      after.signer.kid,
      before.signer.kid,
    ]);
    const [responder = ''] = trust.entitiesOf('responder');
    expect(trust.activeKeys(responder, 'unwrap', at)).toEqual(
      first.activeKeys(responder, 'unwrap', NOW).map((holder) => ({ ...holder, entity: trust.entity(responder) })),
    );
    expect((await prepare({ now: at })).changes).toEqual([]);
  });

  it('lists a renewed key that an interrupted run only wrote', async () => {
    await prepare();
    const at = NOW + 490 * DAY;
    const directory = await home.read('org/dev/directory.json');
    await prepare({ now: at });
    const keys = await readKeyFile(home, IDENTITY);
    await home.write('org/dev/directory.json', directory ?? '');
    const again = await prepare({ now: at + 1 });
    expect(again.changes).toEqual(['directory version 2 signed for 90 days']);
    expect(await readKeyFile(home, IDENTITY)).toEqual(keys);
    expect((await trustOf(again, at + 1)).holder(keys?.keys[0]?.kid ?? '')?.urn).toBe(keys?.urn);
  });

  it('makes keys of the suite that is asked for', async () => {
    await prepare({ suite: 'rsa3072' });
    expect((await readKeyFile(home, VAULT_KEYS))?.keys[0]?.suite).toBe('rsa3072');
  });

  it('leaves a folder alone that is set up for another organisation', async () => {
    await writeProfile(home, { vaultUrl: 'https://bulla.example', org: 'acme', pin: `sha256:${'0'.repeat(64)}` });
    await expect(prepare()).rejects.toThrow(/set up for the organisation acme; set BULLA_HOME/);
    expect(await filesOf(home)).toEqual(['profile.json']);
  });

  it('refuses an identity of another organisation, or one that its directory does not list', async () => {
    await prepare();
    const file = (await home.read(IDENTITY)) ?? '';
    await home.write(IDENTITY, file.replace('"org": "dev"', '"org": "acme"'));
    await expect(prepare()).rejects.toThrow(/identity\.json belongs to another organisation/);
    await home.remove(IDENTITY);
    await expect(prepare()).rejects.toThrow(/identity\.json is gone and the directory lists its keys; restore it/);
  });

  it.each([
    ['no key at all', 'x'],
    ['a key of another kind', '{"kty":"oct","k":"AAAA"}'],
  ])('refuses a document key file that holds %s, and does not show it', async (_name, text) => {
    await prepare();
    await home.write('org/dev/root.key', text);
    await expect(prepare()).rejects.toThrow(/root\.key is not an Ed25519 key; restore it from a backup$/);
  });
});

describe('a folder that an earlier version made', () => {
  /** Writes the directory as it was before there were chains, some versions on, and keeps those in between or not. */
  async function makeEarlier(versions: number, isKept: (version: number) => boolean): Promise<string[]> {
    const { documents } = await prepare();
    const signer = await findDocumentSigner(home, 'org/dev/directory.key');
    if (signer === undefined) throw new Error('there is no key');
    const { chain: _, ...first } = (await parseDirectory(documents.directory)).payload;
    const hashes: string[] = [];
    for (let version = 1; version <= versions; version++) {
      const prev = hashes.at(-1);
      const token = await signDocument({ ...first, spec: '1', version, ...(prev && { prev }) }, [signer]);
      if (version === versions) await home.write('org/dev/directory.json', token);
      else if (isKept(version)) await home.write(`org/dev/directory.${version}.json`, token);
      hashes.push((await parseDirectory(token)).hash);
    }
    return hashes;
  }

  it('is followed by a directory with a chain over all that were before', async () => {
    const hashes = await makeEarlier(3, () => true);
    const { changes, ...next } = await prepare();
    expect(changes).toEqual(['directory version 4 signed for 90 days']);
    const { payload } = await parseDirectory(next.documents.directory);
    expect([payload.spec, payload.chain]).toEqual(['2', await foldChain(FIRST_CHAIN, hashes)]);
    expect(await next.hashes()).toEqual(hashes);
    expect((await prepare()).changes).toEqual([]);
  });

  it('finds hashes in the document after, in what its owner has seen, and where else they are kept', async () => {
    const hashes = await makeEarlier(7, (version) => version === 2 || version === 6);
    await expect(prepare()).rejects.toThrow('restore org/dev/directory.3.json from a backup');
    const keptHashes = () => Promise.resolve(hashes);
    const { documents } = await prepare({ keptHashes });
    expect((await parseDirectory(documents.directory)).payload.chain).toBe(await foldChain(FIRST_CHAIN, hashes));
    const { pin, hashes: before } = await prepare({ keptHashes });
    const trust = await Trust.establish(documents, { org: 'dev', pin, now: NOW, hashes: { from: 1, hashes } });
    const state = { pin, documents, memory: trust.memory, fetchedAt: NOW, names: [] };
    await new FileTrustStore(home).update('dev', pin, () => state);
    expect(await before()).toEqual(hashes);
    expect(await (await prepare()).hashes()).toEqual(hashes);
  });

  it('begins anew where the key of its directory is not', async () => {
    await makeEarlier(1, () => true);
    await rm(home.path('org/dev/directory.key'));
    await expect(prepare()).rejects.toThrow(/made by an earlier version.*pull your prompts.*bulla init.*push/);
  });
});
