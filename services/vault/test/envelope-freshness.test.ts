import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PendingMove } from '@bulla/contract';
import { checkBundleForAsker, parseBundle } from '@bulla/crypto';
import { SignedClient } from '@bulla/service-kit/testing';
import type { Bundle, PromptRef, SealedVersion, TagWish } from './authoring.js';
import { basedOn, bodyOf, moveLabel, must, posOf, publishPrompt, tagOf } from './authoring.js';
import { bringWords, freshenDirectory, renewerOf, wordFor } from './freshening.js';
import { expectRefusal } from './refusals.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

const DAY_SECONDS = 86_400;
const PATH = '/api/v1/envelopes';

let vault: TestVault;
let prompt: PromptRef & { readonly version: SealedVersion };
beforeAll(async () => {
  vault = await startVault();
  vault.clock.advance(8 * DAY_SECONDS);
});
afterAll(() => vault.stop());
beforeEach(async () => {
  await freshenDirectory(vault, vault.acme);
  prompt = await publishPrompt(vault, vault.acme);
});

const first = (): TagWish => ({ tag: 'latest', ver: 1, chash: prompt.version.chash, seq: 1, prev: '' });
const say = (wish = first()) => wordFor(vault.acme, prompt, wish, vault.clock.now());
const bring = async (words: readonly string[]) => must(200, await bringWords(vault, words, renewerOf(vault.acme)));
const aud = () => vault.acme.responders[0].urn;
const issue = (wanted: object, idempotencyKey = `issue-${prompt.id}`) =>
  vault.clientOf(vault.acme.invoker).post(PATH, { prompt: prompt.id, aud: aud(), ...wanted }, { idempotencyKey });

/** What the asker makes of a bundle. */
async function checked(bundle: Bundle, wanted: object, request = `issue-${prompt.id}`) {
  const { acme, clock } = vault;
  const now = clock.now();
  const trust = await acme.trust.withFreshness([await acme.freshDirectory(now)], now);
  const asker = { urn: acme.invoker.urn, kid: acme.invoker.sig.kid };
  const context = { trust, now, asker, audience: aud(), request, wanted: { name: prompt.name, ...wanted } };
  return checkBundleForAsker(parseBundle(bundle), context);
}

describe('an envelope for a label that was not signed lately', () => {
  it('is issued by the word of a renewer, which goes with it, and with its retry', async () => {
    const word = await say();
    await bring([word]);
    const issued = must(201, await issue({ label: 'latest' }));
    const bundle = bodyOf<Bundle>(issued);
    expect(bundle.fresh).toEqual([word]);
    expect((await checked(bundle, { label: 'latest' })).fresh?.token).toBe(word);
    vault.clock.advance(5);
    await bring([await say()]);
    const again = must(201, await issue({ label: 'latest' }));
    expect([again.text, again.headers['idempotent-replayed']]).toEqual([issued.text, '?1']);
  });

  it('is not issued without, and it is said who is missing [guard: vault-issue-fresh]', async () => {
    await expectRefusal(vault, () => issue({ label: 'latest' }), 403, 'trust_expired');
    const { detail } = bodyOf<{ detail: string }>(await issue({ label: 'latest' }));
    expect(detail).toContain(`${prompt.name}@latest`);
    expect(detail).toContain('service renew');
    expect(detail).toContain('bulla trust renew');
  });

  it('is not issued by a word for where the label stood before', async () => {
    await bring([await say()]);
    const moved = { ...first(), seq: 2, prev: await posOf(vault.acme, prompt, first()) };
    await moveLabel(vault, vault.acme, prompt, moved);
    await expectRefusal(vault, () => issue({ label: 'latest' }), 403, 'trust_expired');
    await bring([await say(moved)]);
    must(201, await issue({ label: 'latest' }, `later-${prompt.id}`));
  });

  it('is not issued by a word that has ended', async () => {
    await bring([await say()]);
    vault.clock.advance(vault.acme.trust.freshSeconds);
    await freshenDirectory(vault, vault.acme);
    await expectRefusal(vault, () => issue({ label: 'latest' }), 403, 'trust_expired');
  });
});

it('an envelope for a label that was signed lately bears no words', async () => {
  const { acme, clock } = vault;
  await bring([await say()]);
  const tag = await tagOf(acme, acme.author, prompt, { ...first(), iat: clock.now() });
  must(200, await vault.clientOf(acme.author).post(`/api/v1/prompts/${prompt.id}/labels/latest/tags`, { tag }));
  const bundle = bodyOf<Bundle>(must(201, await issue({ label: 'latest' })));
  expect(bundle).not.toHaveProperty('fresh');
  await expect(checked(bundle, { label: 'latest' })).resolves.toMatchObject({ resolved: { seq: 1 } });
});

it('an envelope for a version is issued with what words there are, for its asker to judge', async () => {
  const bare = bodyOf<Bundle>(must(201, await issue({ version: 1 })));
  expect(bare).not.toHaveProperty('fresh');
  const { chash } = prompt.version;
  await expect(checked(bare, { version: 1, chash })).resolves.toMatchObject({ fresh: undefined });
  await expect(checked(bare, { version: 1 })).rejects.toMatchObject({ code: 'trust_expired', check: 'tag-fresh' });
  const word = await say();
  await bring([word]);
  const request = `with-word-${prompt.id}`;
  const bundle = bodyOf<Bundle>(must(201, await issue({ version: 1 }, request)));
  expect(bundle.fresh).toEqual([word]);
  expect((await checked(bundle, { version: 1 }, request)).fresh?.token).toBe(word);
});

it('a word by a directory that this process has not looked at yet is waited for', async () => {
  const { acme, clock } = vault;
  const replica = await vault.startReplica();
  const there = new SignedClient(replica, acme.invoker, { now: () => clock.now() });
  must(200, await there.get('/api/v1/prompts'));
  const from = acme.trust.directory.version;
  await acme.publish(() => {}, clock.now());
  const { directory } = acme.documents;
  must(200, await vault.clientOf(acme.owner).put('/api/v1/organisations/acme/directory', { directory }, basedOn(from)));
  await bring([await say()]);
  const wanted = { prompt: prompt.id, label: 'latest', aud: aud() };
  const early = await there.post(PATH, wanted);
  expect([early.status, bodyOf(early)['code'], early.headers['retry-after']]).toEqual([503, 'overloaded', '1']);
  clock.advance(1);
  must(201, await there.post(PATH, wanted));
});

it('moves that wait do so no longer when the time changes for which a word counts [guard: vault-approval-fresh-days]', async () => {
  const { acme, clock } = vault;
  const tag = await tagOf(acme, acme.author, prompt, { ...first(), tag: 'reviewed', iat: clock.now() });
  const path = `/api/v1/prompts/${prompt.id}/labels/reviewed`;
  const waiting = must(202, await vault.clientOf(acme.author).put(path, { tags: [tag] }, basedOn(0)));
  const { approval } = bodyOf<PendingMove>(waiting);
  const { policy } = acme.trust;
  await acme.publishPolicy((draft) => {
    draft.fresh_days = 1;
  }, clock.now());
  const owner = vault.clientOf(acme.owner);
  const put = (kind: 'policy' | 'directory', from: number) =>
    owner.put(`/api/v1/organisations/acme/${kind}`, { [kind]: acme.documents[kind] }, basedOn(from));
  must(200, await put('policy', policy.version));
  must(200, await put('directory', acme.trust.directory.version - 1));
  const shown = must(200, await vault.clientOf(acme.author).get(`/api/v1/approvals/${approval}`));
  expect(bodyOf(shown)['state']).toBe('dropped');
});
