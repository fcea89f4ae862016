import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { targetOf } from '@bulla/contract';
import type { KeyFile } from '@bulla/crypto';
import { generateKeyPair } from '@bulla/crypto';
import { ServiceKeys } from '@bulla/service-kit';
import { basedOn, createPrompt, must, publishPrompt, sealVersion } from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// A vault that runs gets another key for deposits: what is sealed to the new key waits for the file, and nothing is started anew.

let vault: TestVault;
let file: KeyFile;
beforeAll(async () => {
  vault = await startVault();
  const { acme } = vault;
  const { kid, alg, suite, privateJwk, publicJwk } = await generateKeyPair('p256', 'enc');
  const facts = { kid, alg, suite, use: 'enc' as const, pur: ['deposit' as const] };
  const { keyFile } = acme.vault;
  file = { ...keyFile, keys: [{ ...facts, jwk: privateJwk }, ...keyFile.keys] };
  await acme.publish((draft) => {
    const keys = draft.entities[acme.vault.urn]?.keys ?? [];
    const old = keys.find(({ pur }) => pur.includes('deposit'));
    if (old === undefined) throw new Error('the vault has no key for deposits');
    keys.unshift({ ...old, ...facts, jwk: publicJwk });
  });
  const { directory } = acme.documents;
  const { version } = acme.trust.directory;
  const path = targetOf('directory.publish', { org: 'acme' });
  must(200, await vault.clientOf(acme.owner).put(path, { directory }, basedOn(version - 1)));
});
afterAll(() => vault.stop());

/** As a service does that finds another file in its place. */
const take = (one: KeyFile) =>
  vault.service.app
    .get(ServiceKeys, { strict: false })
    .take(one, [vault.acme.trust, vault.other.trust], vault.clock.now());

describe('the keys for deposits of a vault', () => {
  it('are those of its file, also of one that is put in place while it runs [guard: deposit-keys-follow]', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme, 'open/one');
    const { content, grants, deposit } = await sealVersion(acme, acme.author, prompt, 1);
    const path = targetOf('version.create', { id: prompt.id });
    const push = () => vault.clientOf(acme.author).post(path, { content, grants, deposit }, basedOn(0));
    const { text } = await expectRefusal(vault, push, 403, 'custody_not_allowed');
    expect(text).toContain('the vault does not hold the key that the directory lists for managed names');
    expect(text).toContain('put its new key file in place');

    await expect(take(file)).resolves.toBe(true);
    const { status } = await push();
    expect(status).toBe(201);
    await publishPrompt(vault, acme, 'open/two');
  });

  it('stay where a file holds one whose halves do not belong together', async () => {
    const [first, ...others] = file.keys;
    if (first === undefined || !('d' in first.jwk)) throw new Error('the file holds no key');
    const { privateJwk } = await generateKeyPair('p256', 'enc');
    const jwk = { ...first.jwk, d: privateJwk.d };
    const spoiled = { ...file, keys: [{ ...first, jwk }, ...others] } as KeyFile;
    await expect(take(spoiled)).rejects.toMatchObject({ code: 'key_invalid' });
    await publishPrompt(vault, vault.acme, 'open/three');
  });
});
