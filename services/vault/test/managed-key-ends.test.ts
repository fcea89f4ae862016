import type { Bundle } from '@bulla/contract';
import type { KeyRecord, SuiteId } from '@bulla/crypto';
import { parseGrant } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PromptRef } from './authoring.js';
import { bodyOf, must, publishPrompt } from './authoring.js';
import { expectRefusal } from './refusals.js';
import { endKeys, list, newEncryptionKey, publishNext } from './renewing.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// What the vault keeps the data key of holds up no end of a responder's key: the vault seals it to the newest itself.

let vault: TestVault;
let managed: PromptRef;
beforeAll(async () => {
  vault = await startVault();
  managed = await publishPrompt(vault, vault.acme, 'open/faq');
});
afterAll(() => vault.stop());

/** Gives a responder a younger key beside the one that it has. */
async function younger(responder: TestMember, suite?: SuiteId): Promise<KeyRecord> {
  const record = await newEncryptionKey(vault.acme, suite);
  await list(vault, vault.acme, responder.urn, record);
  return record;
}
const ending = ({ urn, enc }: TestMember) => endKeys(vault.acme, urn, [enc?.kid]);
const end = (responder: TestMember, adopt = false) => publishNext(vault, vault.acme, ending(responder), adopt);

describe('the end of an encryption key of a responder', () => {
  it('waits for no version that the vault seals to the newest itself, and for every other [guard: vault-end-managed]', async () => {
    const [responder] = vault.acme.responders;
    const { kid } = await younger(responder);
    const sealed = await publishPrompt(vault, vault.acme, 'claims/triage');
    expect(bodyOf(await end(responder))['detail']).toMatch(/^1 version is sealed to a key that ends /);
    must(204, await vault.clientOf(vault.acme.author).delete(`/api/v1/prompts/${sealed.id}`));
    must(200, await end(responder, true));
    const wanted = { prompt: managed.id, label: 'production', aud: responder.urn };
    const bundle = bodyOf<Bundle>(
      must(201, await vault.clientOf(vault.acme.invoker).post('/api/v1/envelopes', wanted)),
    );
    expect(parseGrant(bundle.grant ?? '').header.kid).toBe(kid);
  });

  it('waits where the newest may not be sealed all that the older one may [guard: vault-end-suite]', async () => {
    const [, responder] = vault.acme.responders;
    await younger(responder, 'rsa2048');
    await expectRefusal(vault, () => end(responder), 409, 'needs_rewrap');
  });
});
