import type { MovedGrants, OwnGrantPage } from '@bulla/contract';
import type { KeyRecord } from '@bulla/crypto';
import { parseContent, readContentHeader } from '@bulla/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GrantsRepository } from '../src/grants/grants.repository.js';
import { VersionsRepository } from '../src/prompts/versions.repository.js';
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
import { list, newEncryptionKey, publishNext } from './renewing.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

// A holder goes through what one key of its own opens, and gives it to another.

type Page = OwnGrantPage;
let vault: TestVault;
let responder: TestMember;
/** A younger encryption key of the responder, and of another responder. */
let younger: KeyRecord;
let prompt: PromptRef;
let version: SealedVersion;
beforeAll(async () => {
  vault = await startVault();
  const { acme } = vault;
  [responder] = acme.responders;
  prompt = await createPrompt(vault, acme);
  version = await pushVersion(vault, acme, prompt, 1);
  younger = await newEncryptionKey(acme);
  await list(vault, acme, responder.urn, younger);
});
afterAll(() => vault.stop());

const old = () => responder.enc?.kid ?? '';
const collect = (query: string, member = responder) => vault.clientOf(member).get(`/api/v1/grants?${query}`);
const collected = async (query: string, member = responder) => bodyOf<Page>(must(200, await collect(query, member)));
const move = async (grants: readonly (string | undefined)[], member = responder) =>
  bodyOf<MovedGrants>(must(201, await vault.clientOf(member).post('/api/v1/grants', { grants })));
const outcomes = async (...sent: Parameters<typeof move>) =>
  (await move(...sent)).results.map(({ outcome }) => outcome);
const toYounger = (of: SealedVersion, urn = responder.urn) => of.grantTo({ urn, record: younger });

describe('what a key opens', () => {
  it('is collected with what each grant must agree with, over all prompts, page by page [guard: vault-collect-own]', async () => {
    const { other } = vault;
    const prompts = [await publishPrompt(vault, other), await publishPrompt(vault, other)];
    const [theirs, second] = other.responders;
    const query = `kid=${theirs.enc?.kid}&limit=1`;
    const first = await collected(query, theirs);
    const rest = await collected(`${query}&cursor=${first.next_cursor}`, theirs);
    const all = [...first.data, ...rest.data];
    expect(new Set(all.map((one) => one.prompt))).toEqual(new Set(prompts.map(({ id }) => id)));
    expect(rest.next_cursor).toBeNull();
    for (const { version: of } of prompts) {
      const one = all.find(({ grant }) => grant === of.grants[1]);
      expect(one).toMatchObject({ version: 1, kid: theirs.enc?.kid, poster: other.author.sig.kid });
      expect(one?.whash).toBe(await tokenHash(of.grants[1] ?? ''));
      expect(readContentHeader(one?.header ?? '')).toEqual(parseContent(of.content).header);
    }
    const foreign = vault.acme.responders[0].enc?.kid;
    for (const kid of [second.enc?.kid, foreign]) {
      await expectRefusal(vault, () => collect(`kid=${kid}`, theirs), 404, 'not_found');
      await expectRefusal(vault, () => collect(`kid=${theirs.enc?.kid}&without=${kid}`, theirs), 404, 'not_found');
    }
  });

  it('is moved to another key, after which no more of it is left; a second time is no harm', async () => {
    const left = () => collected(`kid=${old()}&without=${younger.kid}`);
    expect((await left()).data.map((one) => one.prompt)).toEqual([prompt.id]);
    const grant = await toYounger(version);
    expect(await move([grant])).toEqual({ results: [{ whash: await tokenHash(grant), outcome: 'added' }] });
    expect((await left()).data).toEqual([]);
    expect((await collected(`kid=${old()}`)).data).toHaveLength(1);
    expect(await outcomes([grant, await toYounger(version)])).toEqual(['present', 'present']);
    expect((await collected(`kid=${younger.kid}`)).data).toMatchObject([{ grant, poster: responder.sig.kid }]);
  });

  it('is collected by when it came and who posted it, and where nothing came nothing is on record', async () => {
    const { acme } = vault;
    const mine = await newEncryptionKey(acme);
    await list(vault, acme, responder.urn, mine);
    const to = { urn: responder.urn, record: mine };
    const [first, second] = [await createPrompt(vault, acme), await createPrompt(vault, acme)];
    const own = await (await pushVersion(vault, acme, first, 1)).grantTo(to);
    expect(await outcomes([own])).toEqual(['added']);
    const foreign = await (await pushVersion(vault, acme, second, 1)).grantTo(to);
    must(201, await vault.clientOf(acme.author).post(`/api/v1/prompts/${second.id}/grants`, { grants: [foreign] }));
    const longAgo = new Date(Date.now() - 3_600_000);
    const collectedOf = async (query: string) =>
      (await collected(`kid=${mine.kid}${query}`)).data.map(({ grant }) => grant).toSorted();
    expect(await collectedOf('')).toEqual([own, foreign].toSorted());
    expect(await collectedOf('&by=others')).toEqual([foreign]);
    const whash = await tokenHash(foreign);
    const aged = vault.database.db.updateTable('content_grant').set({ created_at: longAgo });
    await aged.where('whash', '=', whash).execute();
    const since = Math.floor(longAgo.getTime() / 1000) + 60;
    expect(await collectedOf(`&since=${since}`)).toEqual([own]);
    const recorded = async () => (await vault.database.db.selectFrom('audit_event').select('org').execute()).length;
    const before = await recorded();
    expect(await collectedOf(`&since=${since}&by=others`)).toEqual([]);
    expect(await recorded()).toBe(before);
  });
});

describe('of grants that are moved together each is judged by itself', () => {
  it('whatever is wrong with others [guard: vault-move-holder] [guard: vault-move-own]', async () => {
    const { acme, other } = vault;
    await move([await toYounger(version)]);
    const [, second] = acme.responders;
    const sealed = await pushVersion(vault, acme, await createPrompt(vault, acme), 1);
    const nowhere = await sealVersion(acme, acme.author, prompt, 9);
    const anotherContent = await sealVersion(acme, acme.author, prompt, 1);
    const abroad = await publishPrompt(vault, other);
    const stranger = { urn: responder.urn, record: { ...younger, kid: 'A'.repeat(43) } };
    const sent = [
      [await toYounger(sealed), 'added'],
      [await toYounger(nowhere), 'not_found'],
      [abroad.version.grants[1], 'not_found'],
      [await toYounger(anotherContent), 'envelope_tampered'],
      [await sealed.grantTo(recipientOf(second)), 'forbidden'],
      [await toYounger(sealed, second.urn), 'envelope_tampered'],
      [await sealed.grantTo(stranger), 'key_unknown'],
      [await toYounger(version), 'present'],
    ] as const;
    expect(await outcomes(sent.map(([grant]) => grant))).toEqual(sent.map(([, outcome]) => outcome));
    expect(await outcomes([await sealed.grantTo(recipientOf(acme.invoker))], acme.invoker)).toEqual(['forbidden']);
  });

  it('as the one version of the one prompt that is held, and not its neighbours [guard: grants-held-prompt] [guard: grants-held-version]', async () => {
    const { acme } = vault;
    const [one, another] = [await createPrompt(vault, acme), await createPrompt(vault, acme)];
    const first = await pushVersion(vault, acme, one, 1, [acme.invoker]);
    const [next, beside] = [await pushVersion(vault, acme, one, 2), await pushVersion(vault, acme, another, 1)];
    const own = recipientOf(acme.invoker);
    const sent = [await first.grantTo(own), await next.grantTo(own), await beside.grantTo(own)];
    expect(await outcomes(sent, acme.invoker)).toEqual(['present', 'forbidden', 'forbidden']);
  });

  it('as far as they are for devices of the same person [red]', async () => {
    const { acme } = vault;
    const sealed = await pushVersion(vault, acme, await createPrompt(vault, acme), 1, [acme.invoker]);
    const further = await acme.makeDevice('further', { roles: ['invoker'], groups: ['grp:support'] });
    const user = acme.trust.userOf(acme.invoker.urn);
    const entity = { ...further.entity, user } as typeof further.entity;
    must(200, await publishNext(vault, acme, (draft) => void (draft.entities[further.urn] = entity), true));
    const sent = [await sealed.grantTo(recipientOf(further)), await sealed.grantTo(recipientOf(acme.auditor))];
    expect(await outcomes(sent, acme.invoker)).toEqual(['added', 'forbidden']);
  });

  it('and none is stored of a prompt that was deleted, nor of a version that was withdrawn [guard: vault-move-deleted] [guard: vault-move-withdrawn]', async () => {
    const { acme } = vault;
    const [gone, withdrawn] = [await createPrompt(vault, acme), await createPrompt(vault, acme)];
    const [first, second] = [await pushVersion(vault, acme, gone, 1), await pushVersion(vault, acme, withdrawn, 1)];
    must(204, await vault.clientOf(acme.author).delete(`/api/v1/prompts/${gone.id}`));
    const sub = `urn:bulla:acme:prompt:${withdrawn.id}`;
    must(200, await publishNext(vault, acme, (draft) => void draft.withdrawn.push({ sub, below: 2 }), true));
    const before = await vault.countEffects();
    expect(await outcomes([await toYounger(first), await toYounger(second)])).toEqual([
      'not_found',
      'envelope_revoked',
    ]);
    expect({ ...(await vault.countEffects()), idempotency: 0 }).toEqual({ ...before, idempotency: 0 });
    const left = (await collected(`kid=${old()}&without=${younger.kid}&limit=200`)).data.map((one) => one.prompt);
    expect(left).toContain(withdrawn.id);
    expect(left).not.toContain(gone.id);
  });

  it('by its organisation too, whatever the caller names [guard: org-versions-held] [guard: org-grants-held]', async () => {
    const { app } = vault.service;
    const held = (org: string) =>
      vault.database.db.transaction().execute(async (trx) => {
        const places = [{ promptId: prompt.id, version: 1 }];
        return [
          await app.get(VersionsRepository, { strict: false }).holdLive(trx, org, places),
          await app.get(GrantsRepository, { strict: false }).heldOf(trx, org, places, [old()]),
        ].map(({ length }) => length);
      });
    expect(await held('acme')).toEqual([1, 1]);
    expect(await held('other')).toEqual([0, 0]);
  });

  it('and what was stored is told by the audit log', async () => {
    const { acme } = vault;
    const one = await createPrompt(vault, acme);
    const sealed = await pushVersion(vault, acme, one, 1);
    await move([await toYounger(sealed), await toYounger(await sealVersion(acme, acme.author, one, 2))]);
    const rows = await vault.database.db.selectFrom('audit_event').select('event').orderBy('at', 'desc').execute();
    const told = rows.map(({ event }) => event as { act: string }).find(({ act }) => act === 'grant.move');
    const to = [{ prompt: one.id, version: 1, kid: younger.kid }];
    expect(told).toMatchObject({ res: 'ok', obj: { added: 1, refused: 1, to } });
  });
});
