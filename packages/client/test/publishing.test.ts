import { Problem } from '@bulla/contract';
import { parseDirectory, type TrustDocuments } from '@bulla/crypto';
import { makeOrganisation } from '@bulla/crypto/testing';
import { committedKeyPair } from '@bulla/testkit';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityOf } from '../src/connection/identity.js';
import type { Publication } from '../src/trust/publishing.js';
import { publishOrganisation } from '../src/trust/publishing.js';
import type { World } from './world.js';
import { makeWorld, NOBODY_URL } from './world.js';

let world: World;
/** What the vault holds; every version of the organisation's documents that was kept. */
let held: { roots: string[]; policy: string; directory: string } | undefined;
let pending: string | undefined;
let kept: Map<string, string>;
beforeEach(async () => {
  world = await makeWorld();
  held = undefined;
  pending = undefined;
  kept = new Map();
  keep(world.organisation.documents);
  world.vault.documents = () => held ?? { roots: [], policy: '', directory: undefined as never };
  const { lies } = world.vault.service;
  lies['organisation.create'] = ({ body, headers }) => {
    if (headers['authorization'] !== 'Bootstrap hush') throw new Problem('unauthenticated');
    const {
      root,
      roots = [],
      policy,
      directory,
    } = body as { root: string; roots?: string[]; policy: string; directory: string };
    held = { roots: [root, ...roots], policy, directory };
    return { body: { org: 'acme', pin: world.organisation.pin } };
  };
  lies['root.publish'] = ({ body, params }) => {
    const { root, policy, directory } = body as { root: string; policy: string; directory: string };
    if (held === undefined || pending !== undefined) throw new Problem('version_conflict');
    held = { roots: [...held.roots, root], policy, directory };
    return { body: { version: Number(params['n']) } };
  };
  lies['policy.publish'] = ({ body, headers }) => {
    if (pending !== undefined) throw new Problem('version_conflict');
    pending = (body as { policy: string }).policy;
    return { body: { version: Number(headers['if-match']?.slice(1, -1)) + 1 } };
  };
  lies['directory.publish'] = async ({ body, headers }) => {
    const { directory } = body as { directory: string };
    const { version } = (await parseDirectory(directory)).payload;
    if (headers['if-match'] !== `"${version - 1}"` || held === undefined) throw new Problem('version_conflict');
    held = { ...held, policy: pending ?? held.policy, directory };
    pending = undefined;
    return { body: { version } };
  };
});
afterEach(() => world.stop());

function keep({ policy, directory }: TrustDocuments): void {
  const { trust } = world.organisation;
  kept.set(`policy ${trust.policy.version}`, policy);
  kept.set(`directory ${trust.directory.version}`, directory);
}

async function publish(change: Partial<Publication> = {}): Promise<{ isNew: boolean }> {
  return publishOrganisation({
    vaultUrl: world.vault.service.url,
    identity: await identityOf(world.organisation.owner.keyFile),
    pin: world.organisation.pin,
    documents: world.organisation.documents,
    earlier: (kind, version) => Promise.resolve(kept.get(`${kind} ${version}`)),
    hashes: () => Promise.resolve(world.organisation.trust.memory.hashes ?? []),
    bootstrapSecret: 'hush',
    now: world.clock.now,
    ...change,
  });
}

const changes = () => world.vault.service.requests.filter(({ method }) => method === 'PUT').map(({ name }) => name);

describe('publishing an organisation', () => {
  it('brings it to a vault that does not have it, once', async () => {
    expect(await publish()).toEqual({ isNew: true });
    expect(held).toEqual({ ...world.organisation.documents, roots: [...world.organisation.documents.roots] });
    expect(await publish()).toEqual({ isNew: false });
    expect(changes()).toEqual(['organisation.create']);
  });

  it('brings every version that a vault has missed, in turn', async () => {
    await publish();
    await world.organisation.publish();
    keep(world.organisation.documents);
    await world.organisation.publishPolicy();
    keep(world.organisation.documents);
    await world.organisation.publishRoot();
    keep(world.organisation.documents);
    await world.organisation.publishPolicy();
    expect(await publish()).toEqual({ isNew: false });
    expect(changes().slice(1)).toEqual([
      'directory.publish',
      'policy.publish',
      'directory.publish',
      'root.publish',
      'policy.publish',
      'directory.publish',
    ]);
    expect(held?.directory).toBe(world.organisation.documents.directory);
    expect(held?.policy).toBe(world.organisation.documents.policy);
  });

  it('brings all its roots to a vault that does not have it', async () => {
    await world.organisation.publishRoot();
    expect(await publish()).toEqual({ isNew: true });
    expect(held).toEqual({ ...world.organisation.documents, roots: [...world.organisation.documents.roots] });
  });

  it('finishes what was interrupted between a policy and the directory that names it', async () => {
    await publish();
    await world.organisation.publishPolicy();
    const { 'directory.publish': directory } = world.vault.service.lies;
    world.vault.service.lies['directory.publish'] = () => Promise.reject(new Error('gone'));
    await expect(publish()).rejects.toMatchObject({ code: 'internal' });
    world.vault.service.lies['directory.publish'] = directory as never;
    await publish();
    expect(held?.policy).toBe(world.organisation.documents.policy);
  });

  it('signs with a key that the vault knows where it does not know the newest yet', async () => {
    await publish();
    const device = await world.organisation.makeDevice('newer', { roles: ['owner'], groups: [] });
    const { owner } = world.organisation;
    const [newest] = device.keyFile.keys;
    // The directory that lists the newer key is not at the vault, which verifies by what it has.
    const identity = await identityOf({
      ...owner.keyFile,
      keys: [...(newest === undefined ? [] : [newest]), ...owner.keyFile.keys],
    });
    await world.organisation.publish();
    await publish({ identity });
    expect(held?.directory).toBe(world.organisation.documents.directory);
  });

  it.each([
    ['a policy', () => world.organisation.publishPolicy(), 'policy 2'],
    ['a directory', () => world.organisation.publish(), 'directory 3'],
  ])('says which version of %s is kept nowhere', async (_name, change, missing) => {
    await publish();
    await change();
    keep(world.organisation.documents);
    kept.delete(missing);
    await world.organisation.publishPolicy();
    await expect(publish()).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'version_conflict',
      message: expect.stringContaining(missing.replace(' ', ' version ')),
    });
  });

  it('throws what the vault refuses', async () => {
    await publish();
    await world.organisation.publishPolicy();
    world.vault.service.lies['policy.publish'] = () => Promise.reject(new Problem('forbidden'));
    await expect(publish()).rejects.toMatchObject({ name: 'AuthError', code: 'forbidden' });
  });

  it.each([
    [
      'refuses the secret',
      { bootstrapSecret: 'wrong' },
      'the vault did not take the organisation in (unauthenticated)',
    ],
    [
      'takes in something else',
      { answer: { org: 'acme', pin: `sha256:${'0'.repeat(64)}` } },
      'the vault did not take the organisation in (201)',
    ],
    ['is no vault', { answer: undefined }, 'the vault did not take the organisation in (201)'],
  ])(
    'fails at a vault that %s',
    async (_name, { bootstrapSecret, ...rest }: { bootstrapSecret?: string; answer?: unknown }, message) => {
      if ('answer' in rest)
        world.vault.service.lies['organisation.create'] = () =>
          rest.answer === undefined ? { text: 'hello' } : { body: rest.answer };
      await expect(publish(bootstrapSecret === undefined ? {} : { bootstrapSecret })).rejects.toMatchObject({
        code: 'transport_failed',
        message,
      });
    },
  );

  it('is refused by a vault with another organisation of that name, or with newer documents', async () => {
    await publish();
    const other = await makeOrganisation({
      suite: 'p256',
      readyKeyPair: committedKeyPair,
      now: world.clock.now(),
      documentSuite: 'rsa3072',
    });
    await expect(publish({ pin: other.pin, documents: other.documents })).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'name_taken',
    });
    const { documents } = world.organisation;
    await world.organisation.publish();
    await publish();
    await expect(publish({ documents })).rejects.toMatchObject({ name: 'TrustError', code: 'trust_rollback' });
  });

  it('is refused where only a root is served, off this machine, and where nobody listens', async () => {
    held = { roots: [...world.organisation.documents.roots], policy: '', directory: undefined as never };
    await expect(publish()).rejects.toMatchObject({ code: 'transport_failed' });
    await expect(publish({ vaultUrl: 'http://vault.example' })).rejects.toMatchObject({
      code: 'pin_mismatch',
      check: 'root-profile',
    });
    await expect(publish({ vaultUrl: NOBODY_URL })).rejects.toMatchObject({ code: 'transport_failed' });
    held = undefined;
    let asked = 0;
    const lost = ((...call: Parameters<typeof fetch>) =>
      asked++ === 0 ? fetch(...call) : Promise.reject(new TypeError('gone'))) as typeof fetch;
    await expect(publish({ fetch: lost })).rejects.toMatchObject({
      code: 'transport_failed',
      message: expect.stringContaining('is it running?'),
    });
  });
});
