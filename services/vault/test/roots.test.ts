import type { TrustDocuments } from '@bulla/crypto';
import { generateKeyPair, loadSigner, parsePolicy, timestampOf, Trust } from '@bulla/crypto';
import type { DocumentRoleName } from '@bulla/crypto/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { basedOn, must } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const MINUTE = 60;
const DAY = 86_400;

let vault: TestVault;
beforeEach(async () => {
  vault = await startVault();
});
afterEach(() => vault.stop());

const put = ({ roots, policy, directory }: TrustDocuments, version = vault.acme.trust.root.version + 1) =>
  vault
    .clientOf(vault.acme.owner)
    .put(
      `/api/v1/organisations/acme/root/${version}`,
      { root: roots.at(-1), policy, directory },
      basedOn(vault.acme.trust.root.version),
    );
const putDirectory = (directory: string, version = vault.acme.trust.directory.version) =>
  vault.clientOf(vault.acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(version));
const putPolicy = (policy: string, version = vault.acme.trust.policy.version) =>
  vault.clientOf(vault.acme.owner).put('/api/v1/organisations/acme/policy', { policy }, basedOn(version));
const served = async (name: string) => (await vault.get(`/.well-known/bulla/acme/${name}.json`)).text;

/** Root 2, in which the keys of roles are others, with what those signed under it. */
async function replacing(...roles: readonly DocumentRoleName[]): Promise<TrustDocuments> {
  const { acme } = vault;
  const { kid, publicJwk, privateJwk } = await generateKeyPair('ed25519', 'sig');
  const signer = await loadSigner(privateJwk, 'Ed25519');
  const signers: Partial<Record<DocumentRoleName, (typeof signer)[]>> = {};
  for (const role of roles) signers[role] = [signer];
  return acme.signRoot(
    (draft) => {
      draft.keys[kid] = { jwk: publicJwk, alg: 'Ed25519' };
      for (const role of roles) draft.roles[role] = { kids: [kid], threshold: 1 };
    },
    vault.clock.now(),
    signers,
  );
}

describe('a root', () => {
  it('comes with the policy and the directory under it, in one request, and each is on record', async () => {
    const next = await vault.acme.signRoot(undefined, vault.clock.now());
    expect(must(200, await put(next)).body).toEqual({ version: 2 });
    expect(await served('root/2')).toBe(next.roots[1]);
    expect([await served('policy'), await served('directory')]).toEqual([next.policy, next.directory]);
    const { rows } = await sql<{ act: string }>`select event ->> 'act' as act from vault.audit_event
      where event ->> 'act' like '%.publish' order by 1`.execute(vault.database.db);
    expect(rows.map(({ act }) => act)).toEqual(['directory.publish', 'policy.publish', 'root.publish']);
  });

  it('that replaces the key of the directory ends what the old key signs', async () => {
    const { acme } = vault;
    const stolen = await acme.signDirectory(undefined, vault.clock.now());
    const next = await replacing('directory');
    must(200, await put(next));
    await expectRefusal(vault, () => putDirectory(stolen), 412, 'version_conflict');
    const { org, pin, trust: previous } = acme;
    const then = await Trust.establish(next, { org, pin, now: vault.clock.now(), previous });
    const after = then.directory;
    const forged = await acme.sign('directory', {
      ...after,
      version: after.version + 1,
      prev: then.directoryRef.hash,
      chain: await then.nextChain(),
    });
    await expectRefusal(vault, () => putDirectory(forged, after.version), 401, 'signature_invalid');
  });

  it('is not taken before its moment, to the second [guard: vault-root-early]', async () => {
    const next = await vault.acme.signRoot(undefined, vault.clock.now() + 30);
    await expectRefusal(vault, () => put(next), 401, 'clock_skew');
    vault.clock.advance(29);
    await expectRefusal(vault, () => put(next), 401, 'clock_skew');
    vault.clock.advance(1);
    must(200, await put(next));
  });

  it('is not taken more than a quarter of an hour after it [guard: vault-root-late]', async () => {
    const next = await vault.acme.signRoot(undefined, vault.clock.now());
    vault.clock.advance(15 * MINUTE + 1);
    await expectRefusal(vault, () => put(next), 403, 'trust_expired');
    vault.clock.advance(-1);
    must(200, await put(next));
  });

  it('is refused with documents that do not continue the newest, and where it does not itself', async () => {
    const { acme } = vault;
    const now = vault.clock.now();
    const next = await acme.signRoot(undefined, now);
    const { policy, directory } = acme.documents;
    await expectRefusal(vault, () => put({ ...next, directory }), 412, 'version_conflict');
    await expectRefusal(vault, () => put({ ...next, policy }), 412, 'version_conflict');
    await expectRefusal(vault, () => put(next, 3), 400, 'validation_failed');
    const third = await acme.sign('root', { ...acme.trust.root, version: 3, issued: timestampOf(now) });
    await expectRefusal(vault, () => put({ ...next, roots: [third] }, 3), 412, 'version_conflict');
  });

  it('is refused with a policy that leaves a version out [guard: vault-root-policy-next]', async () => {
    const { acme } = vault;
    const now = vault.clock.now();
    const { roots } = await acme.signRoot(undefined, now);
    const times = { issued: timestampOf(now), expires: timestampOf(now + 80 * DAY) };
    const policy = await acme.sign('policy', {
      ...acme.trust.policy,
      ...times,
      version: 3,
      prev: 'A'.repeat(43),
      root_version: 2,
    });
    const { hash } = await parsePolicy(policy);
    const directory = await acme.signDirectory((draft) => {
      Object.assign(draft, { ...times, root_version: 2, policy: { version: 3, hash } });
    }, now);
    await expectRefusal(vault, () => put({ roots, policy, directory }), 412, 'version_conflict');
  });

  it('ends what waits to be named, of its organisation alone [guard: vault-root-unnamed] [guard: org-unnamed-policies]', async () => {
    const { acme, other } = vault;
    const next = await acme.signRoot(undefined, vault.clock.now());
    const waitingOf = async (organisation: typeof acme) => {
      const { trust } = organisation;
      const { version, hash: prev } = trust.memory.policy;
      return organisation.sign('policy', { ...trust.policy, version: version + 1, prev, chat: [] });
    };
    must(200, await putPolicy(await waitingOf(acme)));
    const elsewhere = await waitingOf(other);
    const put2 = vault
      .clientOf(other.owner)
      .put('/api/v1/organisations/other/policy', { policy: elsewhere }, basedOn(1));
    must(200, await put2);
    expect((await put(next)).status).toBe(200);
    expect(await served('policy')).toBe(next.policy);
    const { rows } = await sql`select from vault.org_document where org = 'other' and kind = 'policy'`.execute(
      vault.database.db,
    );
    expect(rows).toHaveLength(2);
  });

  it('is refused unsigned, before anything of it is read [guard: vault-root-signed]', async () => {
    const next = await vault.acme.signRoot(undefined, vault.clock.now());
    const { signatures } = JSON.parse(next.roots[1] ?? '') as { signatures: unknown };
    const payload = Buffer.from('{"_type":"bulla-root"}').toString('base64url');
    const forged = JSON.stringify({ payload, signatures });
    await expectRefusal(vault, () => put({ ...next, roots: [forged] }), 401, 'signature_invalid');
  });

  it('is not counted among the directories of a day [guard: vault-root-uncounted]', async () => {
    const { acme } = vault;
    for (let count = 0; count < 99; count++) {
      await acme.publish(undefined, vault.clock.now());
      must(200, await putDirectory(acme.documents.directory, acme.trust.directory.version - 1));
    }
    const more = await acme.signDirectory(undefined, vault.clock.now());
    await expectRefusal(vault, () => putDirectory(more), 429, 'rate_limited');
    expect((await put(await acme.signRoot(undefined, vault.clock.now()))).status).toBe(200);
  });
});

describe('a policy or directory', () => {
  it('is not taken more than a day after it was signed [guard: vault-publish-late]', async () => {
    const { acme } = vault;
    const directory = await acme.signDirectory(undefined, vault.clock.now());
    const { version, hash: prev } = acme.trust.memory.policy;
    const times = { issued: timestampOf(vault.clock.now()), expires: timestampOf(vault.clock.now() + 90 * DAY) };
    const policy = await acme.sign('policy', { ...acme.trust.policy, ...times, version: version + 1, prev });
    vault.clock.advance(DAY + 1);
    await expectRefusal(vault, () => putDirectory(directory), 403, 'trust_expired');
    await expectRefusal(vault, () => putPolicy(policy), 403, 'trust_expired');
    vault.clock.advance(-1);
    must(200, await putDirectory(directory));
    must(200, await putPolicy(policy));
  });
});
