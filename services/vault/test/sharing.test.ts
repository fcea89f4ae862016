import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { GrantsRepository } from '../src/grants/grants.repository.js';
import type { PromptRef, SealedVersion } from './authoring.js';
import {
  bodyOf,
  createPrompt,
  must,
  publishPrompt,
  pushVersion,
  recipientOf,
  sealVersion,
  tokenHash,
} from './authoring.js';
import { expectRefusal } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
let prompt: PromptRef;
let version: SealedVersion;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const path = (id = prompt.id) => `/api/v1/prompts/${id}/grants`;
const add = (member: TestMember, grants: string[], id = prompt.id) => vault.clientOf(member).post(path(id), { grants });

interface Listed {
  data: { whash: string; version: number; kid: string; aud: string; prompt?: string; grant?: string }[];
  next_cursor: string | null;
}

describe('grants are added', () => {
  beforeEach(async () => {
    prompt = await createPrompt(vault, vault.acme);
    version = await pushVersion(vault, vault.acme, prompt, 1);
  });

  it('by the author of the version, to whoever is listed, and never replaced [guard: vault-grant-kept]', async () => {
    const { acme } = vault;
    const grant = await version.grantTo(recipientOf(acme.invoker));
    expect(must(201, await add(acme.author, [grant])).body).toEqual({ added: 1 });
    expect(must(201, await add(acme.author, [grant])).body).toEqual({ added: 0 });
    const another = await version.grantTo(recipientOf(acme.invoker));
    expect(must(201, await add(acme.author, [another])).body).toEqual({ added: 0 });
    const shown = must(200, await vault.clientOf(acme.invoker).get(`/api/v1/prompts/${prompt.id}/versions/1`));
    expect(bodyOf(shown)['grant']).toBe(grant);
  });

  it('but not to a key that nobody lists', async () => {
    const { acme } = vault;
    const stranger = await acme.makeDevice('unlisted', { roles: ['invoker'], groups: [] });
    const grant = await version.grantTo(recipientOf(stranger));
    await expectRefusal(vault, () => add(acme.author, [grant]), 401, 'key_unknown');
  });

  it('by an author of the name who holds one of the version, and by nobody else [guard: vault-share-holder]', async () => {
    const { acme } = vault;
    const toAuditor = await version.grantTo(recipientOf(acme.auditor));
    await expectRefusal(vault, () => add(acme.owner, [toAuditor]), 403, 'forbidden');
    must(201, await add(acme.author, [await version.grantTo(recipientOf(acme.owner))]));
    expect(must(201, await add(acme.owner, [toAuditor])).body).toEqual({ added: 1 });
  });

  it('by nobody who may only run it, not even to a further device [red] [guard: vault-share-others]', async () => {
    const { acme } = vault;
    must(201, await add(acme.author, [await version.grantTo(recipientOf(acme.invoker))]));
    for (const one of [acme.auditor, acme.invoker]) {
      const grant = await version.grantTo(recipientOf(one));
      await expectRefusal(vault, () => add(acme.invoker, [grant]), 403, 'forbidden');
    }
  });

  it('to several versions in one request', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const versions = [await pushVersion(vault, acme, one, 1), await pushVersion(vault, acme, one, 2)];
    const grants = await Promise.all(versions.map(({ grantTo }) => grantTo(recipientOf(acme.owner))));
    expect(must(201, await add(acme.author, grants, one.id)).body).toEqual({ added: 2 });
    const toAuditor = await Promise.all(versions.map(({ grantTo }) => grantTo(recipientOf(acme.auditor))));
    expect(must(201, await add(acme.owner, toAuditor, one.id)).body).toEqual({ added: 2 });
    const second = await tokenHash(grants[1] ?? '');
    must(204, await vault.clientOf(acme.author).delete(`${path(one.id)}/${second}`));
    const toInvoker = await Promise.all(versions.map(({ grantTo }) => grantTo(recipientOf(acme.invoker))));
    await expectRefusal(vault, () => add(acme.owner, toInvoker, one.id), 403, 'forbidden');
  });

  it('in one order, whatever order they come in: two who add the same do not wait for each other', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const versions = [await pushVersion(vault, acme, one, 1), await pushVersion(vault, acme, one, 2)];
    const recipients = [acme.invoker, acme.auditor, acme.owner].map(recipientOf);
    const grants = await Promise.all(versions.flatMap(({ grantTo }) => recipients.map(grantTo)));
    const [forth, back] = await Promise.all([
      add(acme.author, grants, one.id),
      add(acme.author, grants.toReversed(), one.id),
    ]);
    expect([forth.status, back.status]).toEqual([201, 201]);
    const stored = vault.database.db
      .selectFrom('content_grant')
      .select(['version', 'kid'])
      .where('prompt_id', '=', one.id)
      .where('aud', 'in', [acme.invoker.urn, acme.auditor.urn, acme.owner.urn]);
    const ordered = await stored.orderBy('version').orderBy(sql`kid collate "C"`).execute();
    expect(ordered).toHaveLength(6);
    expect(await stored.orderBy(sql`ctid`).execute()).toEqual(ordered);
  });

  it.each([
    [
      'of another content',
      400,
      'envelope_tampered',
      async () => (await sealVersion(vault.acme, vault.acme.author, prompt, 1)).grants[0],
    ],
    [
      'of a version that is not there',
      404,
      'not_found',
      async () => (await sealVersion(vault.acme, vault.acme.author, prompt, 9)).grants[0],
    ],
    ['that is none', 400, 'validation_failed', async () => version.content.replaceAll('.', '')],
    ['that is another token', 400, 'validation_failed', async () => version.content.slice(0, 4000)],
  ] as const)('but none %s', async (_name, status, code, make) => {
    const grant = (await make()) ?? '';
    await expectRefusal(vault, () => add(vault.acme.author, [grant]), status, code);
  });

  it('but none with a byte of its head changed, wherever it is', async () => {
    const grant = await version.grantTo(recipientOf(vault.acme.owner));
    const head = grant.indexOf('.');
    for (let position = 0; position <= head; position += 23) {
      const other = grant[position] === 'A' ? 'B' : 'A';
      const changed = grant.slice(0, position) + other + grant.slice(position + 1);
      const before = await vault.countEffects();
      const response = await add(vault.acme.author, [changed]);
      expect([400, 401, 404]).toContain(response.status);
      expect(await vault.countEffects()).toEqual(before);
    }
  });

  it('not to a prompt of another organisation', async () => {
    const { other } = vault;
    const sealed = await sealVersion(other, other.author, prompt, 1);
    await expectRefusal(vault, () => add(other.author, sealed.grants), 404, 'not_found');
  });
});

describe('grants are listed', () => {
  it('page by page, of one version or all, without the grants themselves', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    for (const number of [1, 2]) await pushVersion(vault, acme, one, number);
    const auditor = vault.clientOf(acme.auditor);
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const query: string = next === '' ? '' : `&cursor=${next}`;
      const page = bodyOf<Listed>(must(200, await auditor.get(`${path(one.id)}?limit=2${query}`)));
      seen.push(...page.data.map(({ version: number, kid }) => `${number} ${kid}`));
      expect(page.data.every((item) => item.grant === undefined)).toBe(true);
      next = page.next_cursor;
    }
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
    const ofSecond = bodyOf<Listed>(must(200, await auditor.get(`${path(one.id)}?version=2`)));
    expect(ofSecond.data.map(({ version: number }) => number)).toEqual([2, 2, 2]);
  });

  it('of one organisation only, also by the database itself, which is asked after the prompt was found [guard: org-grant]', async () => {
    const { id } = await publishPrompt(vault, vault.acme);
    const grants = vault.service.app.get(GrantsRepository, { strict: false });
    const listed = (org: string) => grants.list(org, id, undefined, undefined, 10);
    expect(await listed('acme')).not.toEqual([]);
    expect(await listed('other')).toEqual([]);
  });
});

describe('grants are deleted', () => {
  it('by their poster, the author of the version or an admin; twice is as good as once [guard: vault-unshare]', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const sealed = await pushVersion(vault, acme, one, 1, [acme.owner, acme.invoker]);
    const toAuditor = await sealed.grantTo(recipientOf(acme.auditor));
    must(201, await add(acme.owner, [toAuditor], one.id));
    const remove = async (member: TestMember, grant: string) =>
      vault.clientOf(member).delete(`${path(one.id)}/${await tokenHash(grant)}`);
    const [toAuthor = '', toFirst = '', toSecond = ''] = sealed.grants;
    const [responder] = acme.responders;
    await expectRefusal(vault, () => remove(responder, toAuthor), 403, 'forbidden');
    await expectRefusal(vault, () => remove(acme.auditor, toAuditor), 403, 'forbidden');
    await expectRefusal(vault, () => remove(vault.other.owner, toAuthor), 404, 'not_found');
    const before = (await vault.countEffects())['content_grant'] ?? 0;
    must(204, await remove(acme.author, toFirst));
    must(204, await remove(acme.owner, toSecond));
    must(204, await remove(acme.owner, toAuditor));
    must(204, await remove(acme.owner, toAuditor));
    expect((await vault.countEffects())['content_grant']).toBe(before - 3);
    const toInvoker = sealed.grants[4] ?? '';
    const later = await pushVersion(vault, acme, one, 2);
    must(204, await remove(acme.author, toInvoker));
    expect(later.grants).toHaveLength(3);
  });

  it('by their recipient, who alone knows that one does not open; then another can be posted [guard: vault-unshare-own]', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const sealed = await pushVersion(vault, acme, one, 1, [acme.invoker, acme.auditor]);
    const [, , , toInvoker = '', toAuditor = ''] = sealed.grants;
    const remove = async (grant: string) =>
      vault.clientOf(acme.invoker).delete(`${path(one.id)}/${await tokenHash(grant)}`);
    await expectRefusal(vault, () => remove(toAuditor), 403, 'forbidden');
    expect((await remove(toInvoker)).status).toBe(204);
    const again = await sealed.grantTo(recipientOf(acme.invoker));
    expect(must(201, await add(acme.author, [again], one.id)).body).toEqual({ added: 1 });
  });

  it('by the author of the version also where somebody else posted them', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const sealed = await pushVersion(vault, acme, one, 1, [acme.owner]);
    const toAuditor = await sealed.grantTo(recipientOf(acme.auditor));
    must(201, await add(acme.owner, [toAuditor], one.id));
    must(204, await vault.clientOf(acme.author).delete(`${path(one.id)}/${await tokenHash(toAuditor)}`));
    const listed = bodyOf<Listed>(must(200, await vault.clientOf(acme.owner).get(path(one.id))));
    expect(listed.data.map(({ aud }) => aud)).not.toContain(acme.auditor.urn);
  });
});
