import type { DirectoryDocument, PolicyDocument } from '@bulla/crypto';
import { timestampOf } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basedOn, must } from './authoring.js';
import { pendingNewcomer } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// [red] One `policy set` of an honest owner: the suites of the policy were no longer those of anybody's key. It was
// taken, and from then on nobody could verify an answer of the vault, nor sign a request that it took.

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const revoke = (draft: DirectoryDocument, { entity }: TestOrganisation['owner'], { now: at } = vault.acme) => {
  for (const { kid } of entity.keys) draft.revoked.push({ kid, reason: 'keyCompromise', at });
};

/** The next policy of an owner whose command does not look at what it signs. */
async function nextPolicy(change: (draft: PolicyDocument) => void): Promise<string> {
  const { acme } = vault;
  const draft = structuredClone(acme.trust.policy);
  Object.assign(draft, { version: draft.version + 1, prev: acme.trust.directory.policy.hash });
  change(draft);
  return acme.sign('policy', draft);
}

describe('what locks everybody out is refused, whoever signed it', () => {
  it.each<[string, (draft: PolicyDocument) => void]>([
    ['suites of no key [guard: vault-publish-lock-out]', (draft) => (draft.suites = ['rsa3072'])],
    [
      'a life that is over',
      (draft) =>
        Object.assign(draft, { issued: timestampOf(vault.acme.now - 90), expires: timestampOf(vault.acme.now - 30) }),
    ],
  ])('a policy with %s', async (_name, change) => {
    const { acme } = vault;
    const policy = await nextPolicy(change);
    const owner = vault.clientOf(acme.owner);
    const put = () => owner.put('/api/v1/organisations/acme/policy', { policy }, basedOn(acme.trust.policy.version));
    await expectRefusal(vault, put, 400, 'validation_failed');
  });

  it.each<[string, (draft: DirectoryDocument) => void]>([
    [
      'without devices',
      ({ entities }) => {
        for (const [urn, { kind }] of Object.entries(entities)) if (kind === 'device') delete entities[urn];
      },
    ],
    [
      'without a vault',
      ({ entities }) => {
        delete entities[vault.acme.vault.urn];
      },
    ],
    ['that revokes the last owner', (draft) => revoke(draft, vault.acme.owner)],
    ['that revokes every responder', (draft) => vault.acme.responders.forEach((one) => revoke(draft, one))],
    [
      'in which the time of the key of the vault is over',
      ({ entities }) => {
        for (const key of entities[vault.acme.vault.urn]?.keys ?? []) key.use_until = key.nbf;
      },
    ],
  ])('a directory %s', async (_name, change) => {
    const { acme } = vault;
    const directory = await acme.signDirectory(change);
    const owner = vault.clientOf(acme.owner);
    const at = basedOn(acme.trust.directory.version);
    const put = () => owner.put('/api/v1/organisations/acme/directory', { directory }, at);
    const { body } = await expectRefusal(vault, put, 400, 'validation_failed');
    expect((body as { detail: string }).detail).toContain('without a usable key');
  });

  it('a directory that lets a device in and takes the last owner out', async () => {
    const { acme } = vault;
    const { id, device } = await pendingNewcomer(vault);
    const directory = await acme.signDirectory((draft) => {
      draft.entities[device.urn] = device.entity;
      revoke(draft, acme.owner);
    });
    const approve = () => vault.clientOf(acme.owner).post(`/api/v1/enrolments/${id}/approval`, { directory });
    await expectRefusal(vault, approve, 400, 'validation_failed');
  });

  it('and what leaves somebody is taken: one of two responders, one of two owners', async () => {
    // Of an organisation that no other test asks: what is published here stays published.
    const { other } = vault;
    const second = await other.makeDevice('second owner', { roles: ['owner'], groups: [] });
    const from = other.trust.directory.version;
    await other.publish((draft) => {
      draft.entities[second.urn] = second.entity;
      delete draft.entities[other.responders[1].urn];
    });
    const { directory } = other.documents;
    must(
      200,
      await vault.clientOf(other.owner).put('/api/v1/organisations/other/directory', { directory }, basedOn(from)),
    );
    await other.publish((draft) => revoke(draft, other.owner, other));
    const body = { directory: other.documents.directory };
    const put = vault.clientOf(second).put('/api/v1/organisations/other/directory', body, basedOn(from + 1));
    expect((await put).status).toBe(200);
  });
});
