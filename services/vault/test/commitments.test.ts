import type { MovedGrants } from '@bulla/contract';
import type { Recipient } from '@bulla/crypto';
import { mintId, parseContent, parseGrant } from '@bulla/crypto';
import { sealUnfit } from '@bulla/crypto/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PromptRef, SealedVersion } from './authoring.js';
import {
  basedOn,
  bodyOf,
  createPrompt,
  freshName,
  must,
  publishPrompt,
  pushVersion,
  recipientOf,
  sealVersion,
  tokenHash,
} from './authoring.js';
import { expectRefusal } from './refusals.js';
import { list, newEncryptionKey } from './renewing.js';
import type { TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// The vault can try no grant. It holds what each says of its key against what the content says of it (protocol.md A16).

const ANOTHER = 'A'.repeat(43);
let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

/** A token with other members in its header, which it is not authenticated by any more: no vault can see that. */
function headed(token: string, change: object): string {
  const [head = '', ...rest] = token.split('.');
  const header = { ...(JSON.parse(Buffer.from(head, 'base64url').toString()) as object), ...change };
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.');
}
const OTHERS = [
  ['another commitment', { dkc: ANOTHER }],
  ['no commitment', { dkc: undefined }],
] as const;
const grantsOf = (id: string) => `/api/v1/prompts/${id}/grants`;
const versionsOf = (id: string) => `/api/v1/prompts/${id}/versions`;

describe('a grant with another commitment than the content has is refused [guard: vault-grant-commitment]', () => {
  it.each(OTHERS)('in a push: %s', async (_what, change) => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const { content, grants } = await sealVersion(acme, acme.author, prompt, 1);
    const [own = '', ...others] = grants;
    const body = { content, grants: [own, ...others.map((one) => headed(one, change))] };
    const push = () => vault.clientOf(acme.author).post(versionsOf(prompt.id), body, basedOn(0));
    const refused = await expectRefusal(vault, push, 400, 'envelope_tampered');
    expect(refused.body).toMatchObject({ detail: 'a grant commits to another key' });
  });

  it.each(OTHERS)('in a push that makes the prompt: %s', async (_what, change) => {
    const { acme } = vault;
    const prompt = { id: mintId('prm'), name: freshName() };
    const { content, grants } = await sealVersion(acme, acme.author, prompt, 1);
    const [own = '', ...others] = grants;
    const made = { name: prompt.name, type: 'text' };
    const body = { content, grants: [own, ...others.map((one) => headed(one, change))], prompt: made };
    const push = () => vault.clientOf(acme.author).post(versionsOf(prompt.id), body, basedOn(0));
    await expectRefusal(vault, push, 400, 'envelope_tampered');
  });

  it.each(OTHERS)('when it is shared, with a random key or the right one: %s', async (_what, change) => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const version = await pushVersion(vault, acme, prompt, 1);
    const to = recipientOf(acme.invoker);
    for (const grant of [await version.grantTo(to), await unfit(version, to)]) {
      const body = { grants: [headed(grant, change)] };
      const share = () => vault.clientOf(acme.author).post(grantsOf(prompt.id), body);
      await expectRefusal(vault, share, 400, 'envelope_tampered');
    }
  });

  it('when it is moved to a further key of its holder', async () => {
    const { acme } = vault;
    const [responder] = acme.responders;
    const prompt = await createPrompt(vault, acme);
    const version = await pushVersion(vault, acme, prompt, 1);
    const record = await newEncryptionKey(acme);
    await list(vault, acme, responder.urn, record);
    const grant = await version.grantTo({ urn: responder.urn, record });
    const grants = [...OTHERS.map(([, change]) => headed(grant, change)), grant];
    const moved = must(201, await vault.clientOf(responder).post('/api/v1/grants', { grants }));
    const outcomes = bodyOf<MovedGrants>(moved).results.map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['envelope_tampered', 'envelope_tampered', 'added']);
  });
});

describe('a content that commits to no key', () => {
  it('is not stored [guard: vault-version-committed]', async () => {
    const { acme } = vault;
    const prompt = await createPrompt(vault, acme);
    const sealed = await sealVersion(acme, acme.author, prompt, 1);
    const content = headed(sealed.content, { dkc: undefined });
    const chash = await tokenHash(content);
    const grants = sealed.grants.map((grant) => headed(grant, { chash, dkc: undefined }));
    const push = () => vault.clientOf(acme.author).post(versionsOf(prompt.id), { content, grants }, basedOn(0));
    const refused = await expectRefusal(vault, push, 409, 'content_uncommitted');
    expect(refused.body).toMatchObject({ detail: expect.stringContaining('push it again') });
  });

  it('gets no grant any more, where an earlier version of the vault stored it [guard: vault-grant-earlier]', async () => {
    const { acme } = vault;
    const { prompt, version } = await earlier();
    const grant = headed(await version.grantTo(recipientOf(acme.invoker)), { dkc: undefined });
    const share = () => vault.clientOf(acme.author).post(grantsOf(prompt.id), { grants: [grant] });
    await expectRefusal(vault, share, 409, 'content_uncommitted');
    const own = headed(await version.grantTo(recipientOf(acme.responders[0])), { dkc: undefined });
    const moved = must(201, await vault.clientOf(acme.responders[0]).post('/api/v1/grants', { grants: [own] }));
    expect(bodyOf<MovedGrants>(moved).results).toMatchObject([{ outcome: 'content_uncommitted' }]);
  });

  it('gets no envelope, and is still read by its author [guard: vault-issue-committed]', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    await forget(prompt);
    const wanted = { prompt: prompt.id, version: 1, aud: acme.responders[0].urn };
    const ask = () => vault.clientOf(acme.invoker).post('/api/v1/envelopes', wanted);
    const refused = await expectRefusal(vault, ask, 409, 'content_uncommitted');
    expect(refused.body).toMatchObject({ title: expect.stringContaining('pushed again') });
    const read = must(200, await vault.clientOf(acme.author).get(`${versionsOf(prompt.id)}/1`));
    expect(bodyOf<{ grant: string | null }>(read).grant).not.toBeNull();
  });
});

/** Rightly addressed, with a random key: what the vault cannot tell from a good one. */
function unfit({ content, chash }: SealedVersion, to: Recipient): Promise<string> {
  const { sub, ver, kid: dekId, dkc } = parseContent(content).header;
  return sealUnfit({ sub, ver, dekId, chash, ...(dkc !== undefined && { dkc }) }, to);
}

/** A version that an earlier vault stored: it did not know what contents say of their keys. */
async function earlier(): Promise<{ prompt: PromptRef; version: SealedVersion }> {
  const prompt = await createPrompt(vault, vault.acme);
  const version = await pushVersion(vault, vault.acme, prompt, 1);
  expect(parseGrant(version.grants[0] ?? '').header.dkc).toBe(parseContent(version.content).header.dkc);
  await forget(prompt);
  return { prompt, version };
}

async function forget({ id }: PromptRef): Promise<void> {
  await vault.database.db.updateTable('prompt_version').set({ dkc: null }).where('prompt_id', '=', id).execute();
}
