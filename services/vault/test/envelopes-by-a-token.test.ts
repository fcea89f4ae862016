import { setTimeout as pause } from 'node:timers/promises';
import type { TokenKey } from '@bulla/crypto';
import { checkBundleForAsker, keyThumbprint, parseBundle, suite } from '@bulla/crypto';
import type { Service } from '@bulla/service-kit';
import { ServiceKeys } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { makeTokenKey } from '@bulla/service-kit/token';
import { findSoftHsm, SoftHsm, tokenProcesses } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PromptRef } from './authoring.js';
import { mintId, must, publishPrompt } from './authoring.js';
import { expectRefusal } from './refusals.js';
import { list } from './renewing.js';
import type { TestVault } from './running-vault.js';
import { contract, startVault } from './running-vault.js';

// A vault whose envelopes are signed in a token, and whose answers are signed by a key in its file.

const where = findSoftHsm() === undefined ? describe.skip : describe;

where('envelopes signed in SoftHSM, which stands in for hardware', () => {
  let vault: TestVault;
  let hsm: SoftHsm;
  let keys: ServiceKeys;
  let replica: Service;
  let kid: string;
  let prompt: PromptRef;
  beforeAll(async () => {
    hsm = new SoftHsm(findSoftHsm() ?? '');
    process.env['SOFTHSM2_CONF'] = hsm.settings;
    vault = await startVault();
    const { acme } = vault;
    const { modulusBits = 0 } = suite('rsa3072');
    const made = await makeTokenKey(`pkcs11:${hsm.place('envelopes')}`, { modulusBits, suffix: '' });
    kid = await keyThumbprint(made.jwk);
    const facts = { kid, use: 'sig', alg: 'PS256', suite: 'rsa3072' } as const;
    const key: TokenKey = { ...facts, pur: ['envelope'], ...made };
    const [first] = acme.vault.entity.keys;
    if (first === undefined) throw new Error('the vault has no key');
    await list(vault, acme, acme.vault.urn, { ...first, ...facts, pur: ['envelope'], jwk: made.jwk });
    keys = await ServiceKeys.load({ ...acme.vault.keyFile, keys: [key, ...acme.vault.keyFile.keys] });
    replica = await vault.startReplica({ keys });
    prompt = await publishPrompt(vault, acme);
  });
  afterAll(async () => {
    await vault.stop();
    await keys.close();
  });

  const ask = (idempotencyKey: string) =>
    new SignedClient(replica, vault.acme.invoker, { now: () => vault.clock.now(), contract }).post(
      '/api/v1/envelopes',
      { name: prompt.name, label: 'production', aud: vault.acme.responders[0].urn },
      { idempotencyKey },
    );
  const accepted = async (body: unknown, request: string) => {
    const { acme, clock } = vault;
    const { envelope } = await checkBundleForAsker(parseBundle(body), {
      trust: acme.trust,
      now: clock.now(),
      asker: { urn: acme.invoker.urn, kid: acme.invoker.sig.kid },
      audience: acme.responders[0].urn,
      request,
      wanted: { name: prompt.name, label: 'production' },
    });
    return envelope.header.kid;
  };

  it('are accepted by their asker', async () => {
    const request = `request-${mintId('env')}`;
    const issued = must(201, await ask(request));
    expect(await accepted(issued.body, request)).toBe(kid);
  });

  it('are refused for a while when the token is away, nothing is written, and the same request gets one once it is back', async () => {
    const request = `request-${mintId('env')}`;
    hsm.takeAway();
    for (const pid of tokenProcesses()) process.kill(pid, 'SIGKILL');
    const refused = await expectRefusal(vault, () => ask(request), 503, 'overloaded');
    expect(refused).toMatchObject({ headers: { 'retry-after': '1' } });
    hsm.putBack();
    let again = await ask(request);
    for (; again.status !== 201; again = await ask(request)) await pause(50);
    expect(await accepted(again.body, request)).toBe(kid);
  });

  it('are shown as such to those who look at the keys', async () => {
    const admin = new SignedClient(replica, vault.acme.owner, { now: () => vault.clock.now(), contract });
    const { body } = must(200, await admin.get('/api/v1/keys'));
    expect(body).toMatchObject({ in_tokens: [{ kid, stand_in: expect.stringMatching(/^SoftHSM/) }] });
  });
});
