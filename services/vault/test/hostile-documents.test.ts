import { encodeBase64url, utf8 } from '@bulla/crypto';
import type { TestOrganisation } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { basedOn } from './authoring.js';
import { pendingNewcomer } from './enrolling.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// [red] A person who may publish, of any organisation, sent a directory that nobody had signed. It had 350,000
// entities, all invalid. To look through it took five seconds of everybody's time, and the answer was 500.

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

/** A document of the given payload with the signatures of another. */
function withPayload(token: string, payload: object): string {
  const { signatures } = JSON.parse(token) as { signatures: unknown };
  return JSON.stringify({ payload: encodeBase64url(utf8(JSON.stringify(payload))), signatures });
}

/** What would be the next directory, as far as its first lines say. */
async function nextWith({ trust }: TestOrganisation, crowd: object): Promise<object> {
  const { entities: _, revoked, kept, withdrawn, ...head } = trust.directory;
  const following = { version: head.version + 1, prev: trust.directoryRef.hash, chain: await trust.nextChain() };
  return { ...head, ...following, entities: crowd, revoked, kept, withdrawn };
}

const many = () => Object.fromEntries(Array.from({ length: 350_000 }, (_, entity) => [`u${entity}`, 0]));

describe('a document that nobody signed is refused before anything is made of what it says', () => {
  it('as a directory', async () => {
    const { acme } = vault;
    const { directory, policy } = acme.documents;
    const forged = withPayload(directory, await nextWith(acme, many()));
    const owner = vault.clientOf(acme.owner);
    const publish = () =>
      owner.put('/api/v1/organisations/acme/directory', { directory: forged }, basedOn(acme.trust.directory.version));
    await expectRefusal(vault, publish, 401, 'signature_invalid');
    const forgedPolicy = withPayload(policy, { ...acme.trust.policy, custody: many() });
    const publishPolicy = () =>
      owner.put('/api/v1/organisations/acme/policy', { policy: forgedPolicy }, basedOn(acme.trust.policy.version));
    await expectRefusal(vault, publishPolicy, 401, 'signature_invalid');
  });

  it('as the directory that lets a device in', async () => {
    const { acme } = vault;
    const { id } = await pendingNewcomer(vault);
    const directory = withPayload(acme.documents.directory, await nextWith(acme, many()));
    const approve = () => vault.clientOf(acme.owner).post(`/api/v1/enrolments/${id}/approval`, { directory });
    await expectRefusal(vault, approve, 401, 'signature_invalid');
  });
});
