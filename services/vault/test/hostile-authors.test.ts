import { mintId, parseContent, urnOf } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basedOn, createPrompt, must, recipientOf, sealVersion } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
/** An author, in no group that writes anything here. */
let outsider: TestMember;
beforeAll(async () => {
  vault = await startVault();
  const { acme } = vault;
  outsider = await acme.makeDevice('outsider', { roles: ['author'], groups: ['grp:elsewhere'] });
  const from = acme.trust.directory.version;
  await acme.publish((draft) => {
    draft.entities[outsider.urn] = outsider.entity;
  });
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
});
afterAll(() => vault.stop());

const pathOf = (id: string) => `/api/v1/prompts/${id}`;

describe('[red] an author outside the groups of a name [guard: vault-delete-author] [guard: vault-version-author]', () => {
  it('neither makes a prompt, nor writes a version, nor deletes what is there', async () => {
    const { acme } = vault;
    const client = vault.clientOf(outsider);
    const made = { id: mintId('prm'), name: 'claims/outside', type: 'text' };
    await expectRefusal(vault, () => client.post('/api/v1/prompts', made), 403, 'forbidden');
    const prompt = await createPrompt(vault, acme);
    const { content, grants } = await sealVersion(acme, outsider, prompt, 1);
    const write = () => client.post(`${pathOf(prompt.id)}/versions`, { content, grants }, basedOn(0));
    await expectRefusal(vault, write, 403, 'forbidden');
    await expectRefusal(vault, () => client.delete(pathOf(prompt.id)), 403, 'forbidden');
  });
});

describe("[red] an author with another prompt's content [guard: vault-version-place]", () => {
  it('cannot store it here, though the grants say that it belongs here', async () => {
    const { acme } = vault;
    const { author } = acme;
    const prompt = await createPrompt(vault, acme);
    const { content, chash } = await sealVersion(acme, author, { id: mintId('prm'), name: 'claims/foreign' }, 1);
    const { kid: dekId, dkc = '' } = parseContent(content).header;
    const place = { sub: urnOf('acme', 'prompt', prompt.id), ver: 1, dekId, chash, dkc };
    // No vault can tell which key a grant holds.
    const grants = [await sealUnfit(place, recipientOf(author))];
    const write = () => vault.clientOf(author).post(`${pathOf(prompt.id)}/versions`, { content, grants }, basedOn(0));
    const refused = await expectRefusal(vault, write, 400, 'envelope_tampered');
    expect(refused.body).toMatchObject({ detail: 'the content is for another prompt' });
  });
});
