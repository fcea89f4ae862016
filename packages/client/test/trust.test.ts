import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Trust } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Bulla } from '../src/bulla.js';
import { identityOf } from '../src/connection/identity.js';
import { Home } from '../src/node/home/home.js';
import { FileTrustStore } from '../src/node/trust-store.js';
import type { TrustState, TrustStore } from '../src/trust/trust-store.js';
import { rememberedOf, withHead } from '../src/labels/label-memory.js';
import { MemoryTrustStore, seenOf } from '../src/trust/trust-store.js';
import type { World } from './world.js';
import { shown } from './shown.js';
import { draftOf, makeWorld } from './world.js';

let world: World;
let folder: string;
beforeEach(async () => {
  world = await makeWorld();
  folder = await mkdtemp(join(tmpdir(), 'bulla-trust-'));
});
afterEach(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

const stores: [string, () => TrustStore][] = [
  ['memory', () => new MemoryTrustStore()],
  ['a file', () => new FileTrustStore(new Home(folder))],
];
const documentsRead = () => world.vault.service.requests.filter(({ path }) => path.endsWith('.json')).length;
const hashesRead = () => world.vault.service.of('directory.hashes').map(({ path }) => path.split('=').at(-1));

describe.each(stores)('trust in %s', (_name, makeStore) => {
  it('is fetched once, again after 15 minutes, and again when the clock was set back [guard: client-fresh]', async () => {
    const store = makeStore();
    const bulla = await world.client(undefined, { store });
    await Promise.all([bulla.trust(), bulla.trust()]);
    expect(documentsRead()).toBe(5);
    await (await world.client(undefined, { store })).trust();
    expect(documentsRead()).toBe(5);
    world.clock.seconds += 15 * 60 + 1;
    await bulla.trust();
    // The chain is known: only the next root is asked for, then the directory, the policy and what renewers say.
    expect(documentsRead()).toBe(9);
    world.clock.seconds -= 10;
    await bulla.trust();
    expect(documentsRead()).toBe(13);
  });

  it('only rises, however many processes use it', async () => {
    const store = makeStore();
    const [slow, fast] = [await world.client(undefined, { store }), await world.client(undefined, { store })];
    await slow.trust();
    const old = world.organisation.documents;
    await world.organisation.publish();
    await fast.refreshTrust();
    const newest = (await store.load('acme', world.organisation.pin))?.memory.directory.version;
    // To the other process, which still trusts the old ones, the vault shows those again.
    world.vault.documents = () => old;
    await expect(slow.refreshTrust()).rejects.toMatchObject({ name: 'TrustError', code: 'trust_rollback' });
    expect((await store.load('acme', world.organisation.pin))?.memory.directory.version).toBe(newest);
  });

  it('takes what another process stored meanwhile for no lie', async () => {
    const store = makeStore();
    const [slow, fast] = [await world.client(undefined, { store }), await world.client(undefined, { store })];
    await slow.trust();
    const old = world.organisation.documents;
    const served = world.vault.documents;
    let isFirst = true;
    world.vault.service.lies['policy.get'] = async () => {
      delete world.vault.service.lies['policy.get'];
      if (isFirst) {
        isFirst = false;
        await world.organisation.publish();
        await fast.refreshTrust();
      }
      return { text: old.policy };
    };
    world.vault.documents = served;
    expect((await slow.refreshTrust()).directoryRef).toEqual(world.organisation.trust.directoryRef);
  });

  it('keeps what it has seen of names apart from another pin', async () => {
    const store = makeStore();
    const bulla = await world.client(undefined, { store });
    await bulla.prompts.push('a', 'text', draftOf('x'));
    expect(rememberedOf(seenOf(await store.load('acme', world.organisation.pin), 'a'), 'latest')?.seq).toBe(1);
    const other = await makeWorld({ documentSuite: 'rsa3072' });
    const elsewhere = await other.client(undefined, { store });
    await elsewhere.prompts.push('b', 'text', draftOf('x'));
    const namesUnder = async (pin: string) => (await store.load('acme', pin))?.names.map(([name]) => name);
    expect(await namesUnder(other.organisation.pin)).toEqual(['b']);
    expect(await namesUnder(world.organisation.pin)).toEqual(['a']);
    await other.stop();
  });

  it('[red] forgets nothing while another organisation of the same name is used: a rollback stays one', async () => {
    const store = makeStore();
    const old = world.organisation.documents;
    await (await world.client(undefined, { store })).prompts.push('a', 'text', draftOf('x'), ['production']);
    await world.organisation.publish();
    await (await world.client(undefined, { store })).refreshTrust();
    const other = await makeWorld({ documentSuite: 'rsa3072' });
    await (await other.client(undefined, { store })).prompts.push('a', 'text', draftOf('y'), ['production']);
    await other.stop();
    // A new process with the first pin again.
    world.vault.documents = () => old;
    const again = await world.client(undefined, { store });
    await expect(again.refreshTrust()).rejects.toMatchObject({ code: 'trust_rollback' });
    world.vault.documents = () => world.organisation.documents;
    const state = await store.load('acme', world.organisation.pin);
    expect(rememberedOf(seenOf(state, 'a'), 'production')?.seq).toBe(1);
  });

  it('changes nothing when a change fails or is none', async () => {
    const store = makeStore();
    await expect(store.update('acme', world.organisation.pin, () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(await store.load('acme', world.organisation.pin)).toBeUndefined();
    await (await world.client(undefined, { store })).trust();
    const before = await store.load('acme', world.organisation.pin);
    await store.update('acme', world.organisation.pin, (state) => state as TrustState);
    expect(await store.load('acme', world.organisation.pin)).toEqual(before);
  });

  it('makes changes one after another', async () => {
    const store = makeStore();
    await (await world.client(undefined, { store })).trust();
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        store.update('acme', world.organisation.pin, (state) =>
          withHead(state as TrustState, shown({ name: `n${index}` }), []),
        ),
      ),
    );
    expect((await store.load('acme', world.organisation.pin))?.names).toHaveLength(8);
  });
});

describe.each(stores)('the chain of directories, in %s', (_name, makeStore) => {
  it('is followed over versions that nobody showed, and kept', async () => {
    const { organisation } = world;
    const store = makeStore();
    const bulla = await world.client(undefined, { store });
    await bulla.trust();
    for (let count = 0; count < 3; count++) await organisation.publish();
    expect((await bulla.refreshTrust()).directoryRef).toEqual(organisation.trust.directoryRef);
    await organisation.publish();
    await bulla.refreshTrust();
    // All at the first contact, those between over the gap, none from one version to the next.
    expect(hashesRead()).toEqual(['1', '2']);
    expect((await store.load('acme', world.organisation.pin))?.memory).toEqual(organisation.trust.memory);
  });

  it('[red] forks over a gap: a removal from a group is undone on another branch', async () => {
    const { organisation, vault } = world;
    const { author } = organisation;
    const store = makeStore();
    const bulla = await world.client(undefined, { store });
    const before = { documents: organisation.documents, hashes: organisation.hashes.hashes };
    await bulla.trust();
    await organisation.publish((draft) => {
      Object.assign(draft.entities[author.urn] ?? {}, { groups: [] });
    });
    expect((await bulla.refreshTrust()).groupsOf(author.urn)).toEqual([]);
    const branch = await branchOf(before.documents, 3);
    vault.documents = () => branch.documents;
    // Whose hashes the vault shows does not matter: this client's own are among them or the branch's are.
    for (const hashes of [
      branch.hashes,
      organisation.hashes.hashes,
      [...organisation.hashes.hashes, ...branch.hashes.slice(3)],
    ]) {
      vault.hashes = (from) => hashes.slice(from - 1);
      const refused = await bulla.refreshTrust().catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: 'TrustError', code: 'trust_rollback', check: 'directory-chain' });
    }
    expect((await store.load('acme', world.organisation.pin))?.memory.directory.version).toBe(3);
  });

  it('is taken up from a memory that had none, with all hashes from the first on', async () => {
    const { organisation } = world;
    const store = makeStore();
    const bulla = await world.client(undefined, { store });
    await bulla.trust();
    await store.update('acme', world.organisation.pin, (state) => earlierState(state as TrustState));
    await organisation.publish();
    const again = await world.client(undefined, { store });
    expect((await again.refreshTrust()).memory).toEqual(organisation.trust.memory);
    expect(hashesRead()).toEqual(['1', '1']);
  });

  /** Memory as it was before there were chains. */
  function earlierState(state: TrustState): TrustState {
    const { hashes: _, directory, ...memory } = state.memory;
    const { version, hash } = directory;
    return { ...state, memory: { ...memory, directory: { version, hash } } };
  }

  /** Directories after these documents that somebody with the organisation's keys was talked into, and all hashes. */
  async function branchOf(documents: Trust['documents'], versions: number) {
    const { org, pin, hashes } = world.organisation;
    const options = { org, pin, now: world.clock.seconds };
    let trust = await Trust.establish(documents, { ...options, hashes });
    for (let count = 0; count < versions; count++) {
      const { ver, hash } = trust.directoryRef;
      const next = { ...trust.directory, version: ver + 1, prev: hash, chain: await trust.nextChain() };
      const directory = await world.organisation.sign('directory', { ...next, kept: ['A'.repeat(43)] });
      trust = await Trust.establish({ ...documents, directory }, { ...options, previous: trust });
    }
    return { documents: trust.documents, hashes: [...(trust.memory.hashes ?? []), trust.directoryRef.hash] };
  }
});

describe('a vault that still shows a directory of an earlier version', () => {
  it('is refused, and caught up with by whoever signs the next', async () => {
    const { organisation, vault } = world;
    const { chain: _, ...directory } = organisation.trust.directory;
    const token = await organisation.sign('directory', { ...directory, spec: '1' });
    vault.documents = () => ({ ...organisation.documents, directory: token });
    const bulla = await world.client();
    await expect(bulla.refreshTrust()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-spec' });
    expect((await bulla.catchUpTrust()).directory.spec).toBe('1');
    await expect(bulla.trust()).rejects.toMatchObject({ code: 'trust_expired', check: 'directory-spec' });
  });
});

describe('trust', () => {
  it('follows the root', async () => {
    const bulla = await world.client();
    await bulla.trust();
    await world.organisation.publishRoot();
    expect((await bulla.refreshTrust()).root.version).toBe(2);
  });

  it('keeps what it has while the newest root is dated ahead, and takes that in its time [guard: client-root-ahead]', async () => {
    const { organisation, vault, clock } = world;
    const bulla = await world.client();
    const { directoryRef } = await bulla.trust();
    const next = await organisation.signRoot(undefined, clock.now() + 600);
    vault.documents = () => next;
    expect((await bulla.refreshTrust()).directoryRef).toEqual(directoryRef);
    expect((await bulla.catchUpTrust()).root.version).toBe(1);
    const fresh = await world.client(undefined, { store: new MemoryTrustStore() });
    await expect(fresh.trust()).rejects.toMatchObject({ code: 'clock_skew', check: 'root-ahead' });
    clock.seconds += 600;
    const trust = await bulla.refreshTrust();
    expect([trust.root.version, trust.policy.version]).toEqual([2, 2]);
  });

  it('remembers when revoked keys end, even after their records have gone', async () => {
    const store = new MemoryTrustStore();
    const { auditor } = world.organisation;
    await world.organisation.publish((draft) => {
      draft.revoked.push({ kid: auditor.sig.kid, reason: 'keyCompromise', at: world.clock.now() });
    });
    await (await world.client(undefined, { store })).trust();
    await world.organisation.publish((draft) => {
      delete draft.entities[auditor.urn];
    });
    const end = auditor.entity.keys[0]?.end;
    const second = await world.client(undefined, { store });
    await second.refreshTrust();
    expect((await store.load('acme', world.organisation.pin))?.memory.revoked).toEqual([{ kid: auditor.sig.kid, end }]);
    await (await world.client(undefined, { store })).refreshTrust();
    expect((await store.load('acme', world.organisation.pin))?.memory.revoked).toEqual([{ kid: auditor.sig.kid, end }]);
  });

  it('is not lost with its file while the process lives', async () => {
    const home = new Home(folder);
    const bulla = await world.client(undefined, { store: new FileTrustStore(home) });
    const old = world.organisation.documents;
    await world.organisation.publish();
    await bulla.trust();
    await home.remove('trust.json');
    world.vault.documents = () => old;
    await expect(bulla.refreshTrust()).rejects.toMatchObject({ code: 'trust_rollback' });
    world.vault.documents = () => world.organisation.documents;
    await bulla.prompts.push('a', 'text', draftOf('x'));
    expect(seenOf(await new FileTrustStore(home).load('acme', world.organisation.pin), 'a')).toBeDefined();
  });

  it('of a development organisation is for this machine alone [guard: client-loopback]', async () => {
    const url = 'http://vault.example';
    const rerouted = ((input: URL, init?: RequestInit) =>
      fetch(new URL(input.pathname + input.search, world.vault.service.url), init)) as typeof fetch;
    const store = new MemoryTrustStore();
    const away = await world.client(undefined, { url, fetch: rerouted, store });
    await expect(away.trust()).rejects.toMatchObject({
      name: 'TrustError',
      code: 'pin_mismatch',
      check: 'root-profile',
    });
    expect(await store.load('acme', world.organisation.pin)).toBeUndefined();
    // Trusted before from this machine, and then pointed elsewhere.
    await (await world.client(undefined, { store })).trust();
    await expect((await world.client(undefined, { url, store })).trust()).rejects.toMatchObject({
      code: 'pin_mismatch',
      check: 'root-profile',
    });
  });

  it('of a development organisation does not reach to a responder elsewhere', async () => {
    const bulla = await world.client();
    await bulla.prompts.push('a', 'text', draftOf('x'), ['production']);
    const [, { urn: responder }] = world.organisation.responders;
    await expect(bulla.prompt('a').run({}, { responder })).rejects.toMatchObject({
      code: 'pin_mismatch',
      check: 'root-profile',
    });
  });

  it('of a production organisation reaches anywhere', async () => {
    const production = await makeOrganisation({
      suite: 'p256',
      readyKeyPair: committedKeyPair,
      profile: 'production',
      now: world.clock.now(),
    });
    const served: Record<string, string | undefined> = {
      'root/1.json': production.documents.roots[0],
      'policy.json': production.documents.policy,
      'directory.json': production.documents.directory,
    };
    const fetcher = ((input: URL) => {
      const text = served[input.pathname.replace('/vault/.well-known/bulla/acme/', '')];
      return Promise.resolve(new Response(text, { status: text === undefined ? 404 : 200 }));
    }) as typeof fetch;
    const bulla = await Bulla.connect({
      url: 'https://bulla.example/vault/',
      identity: await identityOf(production.owner.keyFile),
      pin: production.pin,
      fetch: fetcher,
    });
    expect((await bulla.trust()).profile).toBe('production');
    expect(await bulla.knownTrust()).toBe(await bulla.trust());
  });

  it('without a vault in the directory asks nothing', async () => {
    await world.organisation.publish((draft) => {
      delete draft.entities[world.organisation.vault.urn];
    });
    await expect((await world.client()).prompts.find('a')).rejects.toMatchObject({
      code: 'key_unknown',
      origin: 'client',
    });
  });
});

describe('an answer file', () => {
  it('is verified against keys revoked since, as far as they are known', async () => {
    const store = new MemoryTrustStore();
    const bulla = await world.client(undefined, { store });
    await bulla.prompts.push('a', 'text', draftOf('x'), ['production']);
    const file = (await bulla.prompt('a').run({ claim: 'x' })).toFile();
    expect((await bulla.verify(file)).verdict).toMatch(/^VALID as of /);
    await world.organisation.publish((draft) => {
      draft.revoked.push({
        kid: world.organisation.responders[0].sig.kid,
        reason: 'keyCompromise',
        at: world.clock.now(),
      });
    });
    await bulla.refreshTrust();
    expect((await (await world.client(undefined, { store })).verify(file)).verdict).toMatch(/^REVOKED SINCE/);
    const changed = await bulla.verify(file.replace('"text":"x"', '"text":"y"'));
    expect(changed).toMatchObject({ verdict: 'REFUSED', failure: { check: 'text' } });
    // Who never saw the organisation verifies by the pin alone.
    expect((await (await world.client()).verify(file)).verdict).toMatch(/^VALID as of /);
  });
});

describe('the trust file', () => {
  it('loses nothing to processes that change it at once', async () => {
    const store = new FileTrustStore(new Home(folder));
    await (await world.client(undefined, { store })).trust();
    const script = join(import.meta.dirname, 'remembering-process.mjs');
    const remember = (own: string, count: number) =>
      promisify(execFile)(process.execPath, [
        '--conditions=bulla-source',
        '--no-warnings',
        script,
        folder,
        'acme',
        world.organisation.pin,
        own,
        String(count),
      ]);
    await Promise.all([remember('one', 20), remember('two', 10)]);
    const state = await store.load('acme', world.organisation.pin);
    expect(state?.names).toHaveLength(31);
    expect(rememberedOf(seenOf(state, 'shared'), 'latest')?.seq).toBe(20);
    expect(await readdir(folder)).toEqual(['trust.json']);
  });

  it.each([
    ['that is no JSON', 'x'],
    ['of another form', '[["acme",{}]]'],
  ])('%s is not guessed at', async (_name, text) => {
    const home = new Home(folder);
    await writeFile(home.path('trust.json'), text);
    const store = new FileTrustStore(home);
    await expect(store.load('acme', world.organisation.pin)).rejects.toThrow(/trust\.json cannot be read; restore it/);
    await expect((await world.client(undefined, { store })).trust()).rejects.toMatchObject({ name: 'HomeError' });
    await expect(store.update('acme', world.organisation.pin, (state) => state as TrustState)).rejects.toThrow(
      /cannot be read/,
    );
  });

  it('whose documents were changed is not believed', async () => {
    const home = new Home(folder);
    const store = new FileTrustStore(home);
    await (await world.client(undefined, { store })).trust();
    const text = (await home.read('trust.json')) ?? '';
    const other = await makeOrganisation({
      suite: 'p256',
      readyKeyPair: committedKeyPair,
      documentSuite: 'rsa3072',
      now: world.clock.now(),
    });
    await home.write(
      'trust.json',
      text.replace(JSON.stringify(world.organisation.documents.directory), JSON.stringify(other.documents.directory)),
    );
    await expect((await world.client(undefined, { store })).trust()).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  it('keeps organisations apart, and is for its owner alone', async () => {
    const home = new Home(folder);
    const store = new FileTrustStore(home);
    await (await world.client(undefined, { store })).trust();
    const state = await store.load('acme', world.organisation.pin);
    await store.update('other', world.organisation.pin, () => state as TrustState);
    expect(await store.load('acme', world.organisation.pin)).toEqual(state);
    expect(await store.load('third', world.organisation.pin)).toBeUndefined();
    expect((await stat(home.path('trust.json'))).mode & 0o777).toBe(0o600);
  });
});
