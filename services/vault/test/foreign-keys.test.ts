import { mintId, urnOf } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basedOn, must } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
/** The author of acme, by the name that the other organisation gives to the holder of that key. */
let claimed: string;
beforeAll(async () => {
  vault = await startVault();
  const { acme, other } = vault;
  claimed = urnOf('other', 'dev', mintId('dev'));
  const from = other.trust.directory.version;
  await other.publish((draft) => {
    const user = urnOf('other', 'user', mintId('usr'));
    draft.entities[claimed] = {
      kind: 'device',
      user,
      roles: ['owner', 'author', 'invoker'],
      groups: ['grp:authors'],
      keys: acme.author.entity.keys,
    };
  });
  const { directory } = other.documents;
  must(
    200,
    await vault.clientOf(other.owner).put('/api/v1/organisations/other/directory', { directory }, basedOn(from)),
  );
});
afterAll(() => vault.stop());

const promptOf = (name: string) => ({ id: mintId('prm'), name, type: 'text' });

describe('an organisation that lists the key of a member of another one', () => {
  it("[red] gets nothing of what that member does: the keyid says which organisation's [refuses: foreign-directory]", async () => {
    const { acme, other } = vault;
    const author = vault.clientOf(acme.author);
    must(201, await author.post('/api/v1/prompts', promptOf('claims/foreign')));
    const seen = async (member: typeof acme.owner) =>
      (must(200, await vault.clientOf(member).get('/api/v1/prompts')).body as { data: { name: string }[] }).data;
    expect((await seen(acme.owner)).map(({ name }) => name)).toEqual(['claims/foreign']);
    expect(await seen(other.owner)).toEqual([]);
  });

  it('[red] cannot take a request of that member for its own [refuses: foreign-directory] [refuses: keyid-whole]', async () => {
    const { acme } = vault;
    const author = vault.clientOf(acme.author);
    const asTheirs = (sent: { headers: Record<string, string> }) => {
      const input = sent.headers['signature-input'] ?? '';
      sent.headers['signature-input'] = input.replace(acme.author.urn, claimed);
    };
    await expectRefusal(
      vault,
      () => author.post('/api/v1/prompts', promptOf('claims/stolen'), { tamper: asTheirs }),
      401,
      'signature_invalid',
    );
  });
});
