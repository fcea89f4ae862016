import { targetOf } from '@bulla/contract';
import type { DirectoryDocument, TrustDocuments } from '@bulla/crypto';
import { generateKeyPair, loadSigner, parseDirectory, signDocument, Trust } from '@bulla/crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { basedOn, must } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// [red] Who stole `directory.key` alone revoked every listed device and added one of their own: from then on nobody could
// bring the root that replaces the key, however rightly signed.

let vault: TestVault;
let thief: TestMember;
beforeEach(async () => {
  vault = await startVault();
  thief = await lockEverybodyOut();
});
afterEach(() => vault.stop());

const path = (document: string) => `/api/v1/organisations/acme/${document}`;
const ROOT = targetOf('root.publish', { org: 'acme', n: 2 });

/** What a thief of the directory's key does. @returns their device */
async function lockEverybodyOut(): Promise<TestMember> {
  const { acme } = vault;
  const device = await acme.makeDevice('thief', { roles: ['owner'], groups: [] });
  const from = acme.trust.directory.version;
  await acme.publish((draft) => {
    for (const [urn, entity] of Object.entries(draft.entities)) {
      if (entity.kind !== 'device') continue;
      // A key that was not revoked can be let in again: the thief has missed one.
      if (urn === acme.auditor.urn) entity.roles = ['invoker'];
      else for (const { kid } of entity.keys) draft.revoked.push({ kid, reason: 'keyCompromise', at: acme.now });
    }
    draft.entities[device.urn] = device.entity;
  }, vault.clock.now());
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put(path('directory'), { directory }, basedOn(from)));
  await expectRefusal(vault, () => vault.clientOf(acme.owner).get('/api/v1/prompts'), 401, 'key_revoked');
  return device;
}

/** Root 2 with another key of the directory, and a directory under it that differs from the thief's. */
async function replacing(change: (draft: DirectoryDocument) => void): Promise<TrustDocuments> {
  const { acme, clock } = vault;
  const { kid, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const documents = await acme.signRoot(
    (draft) => {
      draft.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
      draft.roles.directory = { kids: [kid], threshold: 1 };
    },
    clock.now(),
    { directory: [signer] },
  );
  const { payload } = await parseDirectory(documents.directory);
  const draft = structuredClone<DirectoryDocument>(payload);
  change(draft);
  return { ...documents, directory: await signDocument(draft, [signer]) };
}

const put = (member: TestMember, { roots, policy, directory }: TrustDocuments) =>
  vault.clientOf(member).put(ROOT, { root: roots.at(-1), policy, directory }, basedOn(1));

const fresh = (...roles: ('owner' | 'admin' | 'author')[]) => vault.acme.makeDevice('fresh', { roles, groups: [] });
const listing = (device: TestMember) => (draft: DirectoryDocument) => {
  draft.entities[device.urn] = device.entity;
};

describe('where a thief has revoked everybody, the root that replaces the stolen key', () => {
  it('is taken of an owner whom its own directory lists, and ends what the thief can do', async () => {
    const { acme } = vault;
    const device = await fresh('owner');
    const next = await replacing((draft) => {
      listing(device)(draft);
      for (const { kid } of thief.entity.keys) draft.revoked.push({ kid, reason: 'keyCompromise', at: acme.now });
    });
    const answer = must(200, await put(device, next));
    expect(answer.body).toEqual({ version: 2 });
    const { org, pin, trust: previous } = acme;
    const then = await Trust.establish(next, { org, pin, now: vault.clock.now(), previous });
    await expect(vault.clientOf(device).verify(answer, then, acme.vault.urn)).resolves.toBeUndefined();
    expect((await vault.get('/.well-known/bulla/acme/directory.json')).text).toBe(next.directory);
    must(200, await vault.clientOf(device).get('/api/v1/prompts'));
    await expectRefusal(vault, () => vault.clientOf(thief).get('/api/v1/prompts'), 401, 'key_revoked');
  });

  it('is taken of an admin whom its own directory lists', async () => {
    const device = await fresh('admin');
    expect((await put(device, await replacing(listing(device)))).status).toBe(200);
  });

  it('is taken of a listed device that its own directory makes an owner', async () => {
    const { auditor } = vault.acme;
    await expectRefusal(vault, async () => put(auditor, await replacing(() => undefined)), 403, 'forbidden');
    const next = await replacing((draft) => {
      const entity = draft.entities[auditor.urn];
      if (entity?.kind === 'device') entity.roles = ['owner'];
    });
    must(200, await put(auditor, next));
  });

  it('is on record as brought by that device', async () => {
    const device = await fresh('owner');
    must(200, await put(device, await replacing(listing(device))));
    const rows = await vault.database.db.selectFrom('audit_event').select('event').execute();
    const published = rows
      .map(({ event }) => event as { act: string; who: object })
      .filter(({ act }) => act === 'root.publish');
    expect(published.map(({ who }) => who)).toEqual([{ type: 'device', kid: device.sig.kid }]);
  });

  it('is taken once more from whom it let in, with the same answer', async () => {
    const device = await fresh('owner');
    const { roots, policy, directory } = await replacing(listing(device));
    const options = { ...basedOn(1), idempotencyKey: 'the-root-that-replaces-it' };
    const send = () => vault.clientOf(device).put(ROOT, { root: roots.at(-1), policy, directory }, options);
    must(200, await send());
    expect(must(200, await send()).headers['idempotent-replayed']).toBe('?1');
  });

  it('waits for its moment as any other does, and says so in a signed answer', async () => {
    const { acme } = vault;
    const device = await fresh('owner');
    vault.clock.advance(20);
    const next = await replacing(listing(device));
    vault.clock.advance(-20);
    const refused = await expectRefusal(vault, () => put(device, next), 401, 'clock_skew');
    const answer = refused as Awaited<ReturnType<typeof put>>;
    await expect(vault.clientOf(device).verify(answer, acme.trust, acme.vault.urn)).resolves.toBeUndefined();
    vault.clock.advance(20);
    must(200, await put(device, next));
  });
});

describe('a caller whom only the documents in the request list is refused', () => {
  it('without a right to send it, as a stranger [guard: carried-caller]', async () => {
    const author = await fresh('author');
    const next = await replacing(listing(author));
    const refused = await expectRefusal(vault, () => put(author, next), 401, 'unauthenticated');
    expect((refused as Awaited<ReturnType<typeof put>>).headers['signature']).toBeUndefined();
  });

  it('with a key that they revoke too', async () => {
    const next = await replacing(() => undefined);
    await expectRefusal(vault, () => put(vault.acme.owner, next), 401, 'key_revoked');
  });

  it('with a root that the newest has not signed', async () => {
    const { acme } = vault;
    const device = await fresh('owner');
    const next = await replacing(listing(device));
    const { payload } = JSON.parse(next.roots[1] ?? '') as { payload: string };
    const { signatures } = JSON.parse(acme.documents.directory) as { signatures: unknown };
    const forged = JSON.stringify({ payload, signatures });
    await expectRefusal(vault, () => put(device, { ...next, roots: [forged] }), 401, 'unauthenticated');
  });

  it('with a directory that the new root has not signed', async () => {
    const { acme } = vault;
    const device = await fresh('owner');
    const next = await replacing(listing(device));
    const { payload } = await parseDirectory(next.directory);
    const directory = await acme.sign('directory', payload);
    await expectRefusal(vault, () => put(device, { ...next, directory }), 401, 'unauthenticated');
  });

  it('with the key of another', async () => {
    const device = await fresh('owner');
    const next = await replacing(listing(device));
    const impostor = { ...device, signer: { ...thief.signer, kid: device.signer.kid } };
    await expectRefusal(vault, () => put(impostor, next), 401, 'signature_invalid');
  });

  it('where a directory comes without a root', async () => {
    const { acme } = vault;
    const device = await fresh('owner');
    const directory = await acme.signDirectory(listing(device), vault.clock.now());
    const send = () =>
      vault.clientOf(device).put(path('directory'), { directory }, basedOn(acme.trust.directory.version));
    await expectRefusal(vault, send, 401, 'unauthenticated');
  });

  it('in the name of another organisation', async () => {
    const device = await fresh('owner');
    const { roots, policy, directory } = await replacing(listing(device));
    const elsewhere = targetOf('root.publish', { org: 'other', n: 2 });
    const send = () => vault.clientOf(device).put(elsewhere, { root: roots.at(-1), policy, directory }, basedOn(1));
    await expectRefusal(vault, send, 404, 'not_found');
  });

  it('with a body that is none', async () => {
    const device = await fresh('owner');
    await expectRefusal(vault, () => vault.clientOf(device).put(ROOT, { root: 7 }, basedOn(1)), 401, 'unauthenticated');
  });
});
