import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bodyOf, must, publishPrompt } from './authoring.js';
import { letIn, pendingNewcomer } from './enrolling.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// The other tests run among keys of p256.
describe.each(['rsa2048', 'rsa3072'] as const)('among keys of suite %s', (suite) => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await startVault('PostgreSQL', suite);
  });
  afterAll(() => vault.stop());

  it('a prompt is stored, labelled and handed out, and an answer is signed', async () => {
    const { acme } = vault;
    const { id, version } = await publishPrompt(vault, acme);
    const invoker = vault.clientOf(acme.invoker);
    const wanted = { prompt: id, label: 'production', aud: acme.responders[0].urn };
    const issued = must(201, await invoker.post('/api/v1/envelopes', wanted));
    expect(bodyOf<{ content: string }>(issued).content).toBe(version.content);
    const author = vault.clientOf(acme.author);
    const shown = must(200, await author.get(`/api/v1/prompts/${id}`));
    await expect(author.verify(shown, acme.trust, acme.vault.urn)).resolves.toBeUndefined();
  });

  it('a new device is let in', async () => {
    const newcomer = await pendingNewcomer(vault);
    await letIn(vault, newcomer);
    must(200, await vault.clientOf(newcomer.device).get('/api/v1/prompts'));
    expect(newcomer.device.entity.keys.map((key) => key.suite)).toEqual([suite, suite]);
  });
});
