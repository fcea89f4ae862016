import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PromptId } from '@bulla/contract';
import { parseEnvelope, timestampOf } from '@bulla/crypto';
import { sql } from 'kysely';
import { EnvelopeMaterialRepository } from '../src/envelopes/envelope-material.repository.js';
import { ExpiredEnvelopes } from '../src/envelopes/expired-envelopes.js';
import { GrantsService } from '../src/grants/grants.service.js';
import type { Bundle, PromptRef, SealedVersion } from './authoring.js';
import {
  basedOn,
  bodyOf,
  createPrompt,
  mintId,
  moveLabel,
  must,
  publishPrompt,
  pushVersion,
  recipientOf,
  tokenHash,
} from './authoring.js';
import { expectRefusal, untilSettled } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
let prompt: PromptRef & { readonly version: SealedVersion };
beforeAll(async () => {
  vault = await startVault();
  prompt = await publishPrompt(vault, vault.acme);
});
afterAll(() => vault.stop());

const PATH = '/api/v1/envelopes';
const issue = (member: TestMember, body: object, idempotencyKey?: string) =>
  vault.clientOf(member).post(PATH, body, idempotencyKey === undefined ? {} : { idempotencyKey });
const aud = () => vault.acme.responders[0].urn;
const claimsOf = (bundle: Bundle) => {
  const envelope = parseEnvelope(bundle.env);
  if (envelope.kind !== 'prompt') throw new Error('not the envelope of a prompt');
  return envelope.claims;
};

describe('an envelope is issued', () => {
  it.each([
    ['an id and a label', () => ({ prompt: prompt.id, label: 'production' })],
    ['an id and a version', () => ({ prompt: prompt.id, version: 1 })],
    ['a name and a label', () => ({ name: prompt.name, label: 'latest' })],
    ['a name and a version', () => ({ name: prompt.name, version: 1, uses: 7 })],
  ])('for %s', async (name, wanted) => {
    const request = `request-for-${name.replaceAll(' ', '-')}`;
    const { acme } = vault;
    const response = must(201, await issue(acme.invoker, { ...wanted(), aud: aud() }, request));
    const bundle = bodyOf<Bundle>(response);
    const claims = claimsOf(bundle);
    expect(claims).toMatchObject({
      iss: acme.vault.urn,
      aud: aud(),
      sub: acme.invoker.urn,
      req: request,
      prm: { id: prompt.id, name: prompt.name, ver: 1, chash: prompt.version.chash },
      whash: await tokenHash(prompt.version.grants[1] ?? ''),
      cnf: { jkt: acme.invoker.sig.kid },
      pol: { uses: name === 'a name and a version' ? 7 : 1 },
    });
    expect(bundle).toMatchObject({ v: 1, content: prompt.version.content, grant: prompt.version.grants[1] });
    expect(bundle.tags).toHaveLength(1);
    expect(response.headers['signature']).toBeUndefined();
  });

  it('under the vault of the organisation that asks', async () => {
    const { other } = vault;
    const foreign = await publishPrompt(vault, other);
    const wanted = { name: foreign.name, label: 'latest', aud: other.responders[1].urn };
    const bundle = bodyOf<Bundle>(must(201, await issue(other.invoker, wanted)));
    expect(claimsOf(bundle)).toMatchObject({ iss: other.vault.urn, sub: other.invoker.urn });
  });

  it('once for one Idempotency-Key while it lives, also when many ask at once, and never again after that', async () => {
    const { acme, clock } = vault;
    const wanted = { prompt: prompt.id, label: 'production', aud: aud() };
    const key = `same-envelope-${prompt.id}`;
    const responses = await Promise.all(
      Array.from({ length: 8 }, () => untilSettled(() => issue(acme.invoker, wanted, key))),
    );
    expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(responses.filter(({ headers }) => headers['idempotent-replayed'] === '?1')).toHaveLength(7);
    await expectRefusal(vault, () => issue(acme.invoker, { ...wanted, uses: 2 }, key), 422, 'idempotency_conflict');
    clock.advance(121);
    await expectRefusal(vault, () => issue(acme.invoker, wanted, key), 403, 'envelope_expired');
    const later = must(201, await issue(acme.invoker, wanted, `${key}-anew`));
    expect(later.text).not.toBe(responses[0]?.text);
    clock.advance(-121);
  });

  it('and its retry is answered although the label was deleted since, but not without the grant', async () => {
    const { acme } = vault;
    const one = await publishPrompt(vault, acme);
    const wanted = { name: one.name, label: 'production', aud: aud() };
    const key = `retry-after-change-${one.id}`;
    const first = must(201, await issue(acme.invoker, wanted, key));
    await moveLabel(vault, acme, one, { tag: 'production', ver: 0, chash: '', seq: 2 });
    await expectRefusal(vault, () => issue(acme.invoker, wanted), 404, 'label_not_found');
    expect(must(201, await issue(acme.invoker, wanted, key)).text).toBe(first.text);
    const whash = await tokenHash(one.version.grants[1] ?? '');
    must(204, await vault.clientOf(acme.author).delete(`/api/v1/prompts/${one.id}/grants/${whash}`));
    await expectRefusal(vault, () => issue(acme.invoker, wanted, key), 404, 'not_found');
  });

  it('and its retry is answered with the grant that its recipient took back since, until it ends [guard: vault-retire]', async () => {
    const { acme, clock, service } = vault;
    const [responder] = acme.responders;
    const one = await publishPrompt(vault, acme);
    const wanted = { name: one.name, label: 'production', aud: aud() };
    const key = `retry-after-retiring-${one.id}`;
    const grants = `/api/v1/prompts/${one.id}/grants`;
    const first = must(201, await issue(acme.invoker, wanted, key));
    const whash = await tokenHash(one.version.grants[1] ?? '');
    must(204, await vault.clientOf(responder).delete(`${grants}/${whash}`));
    await expectRefusal(vault, () => issue(acme.invoker, wanted), 409, 'needs_rewrap');
    // Another one takes its place, for an asker who asks anew.
    const again = await one.version.grantTo(recipientOf(responder));
    must(201, await vault.clientOf(acme.author).post(grants, { grants: [again] }));
    const retried = await issue(acme.invoker, wanted, key);
    expect([retried.status, retried.text]).toEqual([201, first.text]);
    expect(bodyOf<Bundle>(must(201, await issue(acme.invoker, wanted))).grant).toBe(again);

    const expired = service.app.get(ExpiredEnvelopes, { strict: false });
    expect(await expired.purgeGrants()).toBe(0);
    clock.advance(301);
    expect(await expired.purgeGrants()).toBe(1);
    clock.advance(-301);
    await expectRefusal(vault, () => issue(acme.invoker, wanted, key), 404, 'not_found');
  });

  it('with grants that were taken back of its own organisation, and while they are kept [guard: org-retired-grant] [guard: vault-retired-until]', async () => {
    const { acme, clock, service } = vault;
    const [responder] = acme.responders;
    const one = await publishPrompt(vault, acme);
    const grant = one.version.grants[1] ?? '';
    const whash = await tokenHash(grant);
    must(204, await vault.clientOf(responder).delete(`/api/v1/prompts/${one.id}/grants/${whash}`));
    const kept = service.app.get(GrantsService, { strict: false });
    expect(await kept.findRetired('acme', one.id, whash)).toBe(grant);
    expect(await kept.findRetired('other', one.id, whash)).toBeUndefined();
    clock.advance(301);
    expect(await kept.findRetired('acme', one.id, whash)).toBeUndefined();
    clock.advance(-301);
    // Posted and taken back once more, it is kept once more.
    must(201, await vault.clientOf(acme.author).post(`/api/v1/prompts/${one.id}/grants`, { grants: [grant] }));
    must(204, await vault.clientOf(responder).delete(`/api/v1/prompts/${one.id}/grants/${whash}`));
    expect(await kept.findRetired('acme', one.id, whash)).toBe(grant);
    clock.advance(301);
    await service.app.get(ExpiredEnvelopes, { strict: false }).purgeGrants();
    clock.advance(-301);
  });

  it.each([
    ['a label that the prompt does not bear', () => ({ prompt: prompt.id, label: 'staging' }), 404, 'label_not_found'],
    ['a version that is not there', () => ({ prompt: prompt.id, version: 2 }), 404, 'not_found'],
    ['a prompt that is not there', () => ({ prompt: mintId('prm'), version: 1 }), 404, 'not_found'],
    ['a name that is not there', () => ({ name: 'never/made', label: 'production' }), 404, 'not_found'],
    [
      'a responder that is not there [guard: vault-issue-responder]',
      () => ({ prompt: prompt.id, version: 1, aud: 'urn:bulla:acme:svc:responder:us1' }),
      404,
      'not_found',
    ],
    [
      'a responder of another organisation',
      () => ({ prompt: prompt.id, version: 1, aud: vault.other.responders[0].urn }),
      404,
      'not_found',
    ],
    ['both id and name', () => ({ prompt: prompt.id, name: prompt.name, version: 1 }), 400, 'validation_failed'],
    ['neither version nor label', () => ({ prompt: prompt.id }), 400, 'validation_failed'],
    ['more uses than there may be', () => ({ prompt: prompt.id, version: 1, uses: 1001 }), 400, 'validation_failed'],
    [
      'somebody who is no responder',
      () => ({ prompt: prompt.id, version: 1, aud: vault.acme.author.urn }),
      400,
      'validation_failed',
    ],
  ] as const)('not for %s', async (_name, wanted, status, code) => {
    await expectRefusal(vault, () => issue(vault.acme.invoker, { aud: aud(), ...wanted() }), status, code);
  });

  it('of what its own organisation has [guard: org-issue]', async () => {
    const material = vault.service.app.get(EnvelopeMaterialRepository, { strict: false });
    const of = { label: 'production', version: undefined, kids: [], now: vault.clock.now() };
    const found = (org: string) => material.find({ ...of, org, by: { id: prompt.id as PromptId } });
    expect(await found('acme')).toMatchObject({ name: prompt.name, version: { version: 1 } });
    expect(await found('other')).toBeUndefined();
  });

  it('not for the prompt of another organisation', async () => {
    const { other } = vault;
    const wanted = { prompt: prompt.id, version: 1, aud: other.responders[0].urn };
    await expectRefusal(vault, () => issue(other.invoker, wanted), 404, 'not_found');
    const named = { name: prompt.name, label: 'production', aud: other.responders[0].urn };
    await publishPrompt(vault, other, 'only/at-other');
    await expectRefusal(vault, () => issue(vault.acme.invoker, { ...named, name: 'only/at-other' }), 404, 'not_found');
  });

  it('not by somebody who may not run anything', async () => {
    const wanted = { prompt: prompt.id, version: 1, aud: aud() };
    await expectRefusal(vault, () => issue(vault.acme.author, wanted), 403, 'forbidden');
    await expectRefusal(vault, () => issue(vault.acme.auditor, wanted), 403, 'forbidden');
  });

  it('not without a grant for a key that the responder uses now', async () => {
    const { acme } = vault;
    const bare = await createPrompt(vault, acme);
    const sealed = await pushVersion(vault, acme, bare, 1);
    await moveLabel(vault, acme, bare, { tag: 'latest', ver: 1, chash: sealed.chash, seq: 1 });
    const wanted = { prompt: bare.id, label: 'latest', aud: aud() };
    must(201, await issue(acme.invoker, wanted));
    const whash = await tokenHash(sealed.grants[1] ?? '');
    must(204, await vault.clientOf(acme.author).delete(`/api/v1/prompts/${bare.id}/grants/${whash}`));
    await expectRefusal(vault, () => issue(acme.invoker, wanted), 409, 'needs_rewrap');
  });

  it('not by a tag that has expired, nor by one whose signer was revoked [guard: vault-issue-tags]', async () => {
    // Its author writes nothing more after this.
    const own = await startVault();
    const { acme, clock } = own;
    const { id, name, version } = await publishPrompt(own, acme);
    const wanted = { prompt: id, label: 'staging', aud: acme.responders[0].urn };
    const short = { tag: 'staging', ver: 1, chash: version.chash, seq: 1, exp: clock.now() + 600 };
    await moveLabel(own, acme, { id, name }, short);
    const ask = () => own.clientOf(acme.invoker).post(PATH, wanted);
    clock.advance(601);
    await expectRefusal(own, ask, 403, 'trust_expired');
    clock.advance(-601);
    const from = acme.trust.directory.version;
    await acme.publish((draft) => {
      draft.revoked.push({ kid: acme.author.sig.kid, reason: 'keyCompromise', at: acme.now });
    });
    const { directory } = acme.documents;
    const path = '/api/v1/organisations/acme/directory';
    must(200, await own.clientOf(acme.owner).put(path, { directory }, basedOn(from)));
    await expectRefusal(own, ask, 403, 'forbidden');
    await own.stop();
  });

  it('not for a version that was withdrawn [guard: vault-issue-withdrawn]', async () => {
    const { other } = vault;
    const one = await publishPrompt(vault, other);
    const wanted = { prompt: one.id, version: 1, aud: other.responders[0].urn };
    must(201, await issue(other.invoker, wanted));
    const from = other.trust.directory.version;
    await other.publish((draft) => {
      draft.withdrawn.push({ sub: `urn:bulla:other:prompt:${one.id}`, below: 2 });
    });
    const { directory } = other.documents;
    must(
      200,
      await vault.clientOf(other.owner).put('/api/v1/organisations/other/directory', { directory }, basedOn(from)),
    );
    await expectRefusal(vault, () => issue(other.invoker, wanted), 403, 'envelope_revoked');
  });
});

describe('what became of an envelope', () => {
  it('is told to its asker, admins and auditors, and to nobody else [guard: vault-status] [guard: org-envelope]', async () => {
    const { other, clock } = vault;
    const one = await publishPrompt(vault, other);
    const wanted = { prompt: one.id, version: 1, aud: other.responders[0].urn };
    const { jti, exp } = claimsOf(bodyOf<Bundle>(must(201, await issue(other.invoker, wanted))));
    const get = (member: TestMember) => vault.clientOf(member).get(`${PATH}/${jti}`);
    const issued = { jti, state: 'issued', expires_at: timestampOf(exp).replace('Z', '.000Z') };
    for (const member of [other.invoker, other.owner, other.auditor])
      expect(must(200, await get(member)).body).toEqual(issued);
    await expectRefusal(vault, () => get(vault.acme.owner), 404, 'not_found');
    await expectRefusal(vault, () => get(other.author), 403, 'forbidden');
    const second = await other.makeDevice('second', { roles: ['invoker'], groups: [] });
    const from = other.trust.directory.version;
    await other.publish((draft) => {
      draft.entities[second.urn] = second.entity;
    });
    const { directory } = other.documents;
    must(
      200,
      await vault.clientOf(other.owner).put('/api/v1/organisations/other/directory', { directory }, basedOn(from)),
    );
    await expectRefusal(vault, () => get(second), 404, 'not_found');
    clock.advance(121);
    expect(must(200, await get(other.invoker)).body).toEqual({ ...issued, state: 'expired' });
  });

  it('is forgotten a day after its end', async () => {
    const { clock, service, database } = vault;
    const expired = service.app.get(ExpiredEnvelopes, { strict: false });
    const count = async () => (await vault.countEffects())['envelope'];
    const before = await count();
    expect(await expired.purge()).toBe(0);
    clock.advance(86_400 + 121);
    expect(await expired.purge()).toBe(before);
    expect(await database.db.selectFrom('envelope').selectAll().execute()).toEqual([]);
    clock.advance(-86_400 - 121);
  });

  it('is forgotten as fast as one organisation may have them issued', async () => {
    const { service, database } = vault;
    const perMinute = 1_000 * 60;
    await sql`insert into vault.envelope
      select 'env_' || n, 'acme', 'prm', 1, 'aud', 'kid', 'whash', now(), to_timestamp(0)
      from generate_series(1, ${perMinute}::int) n`.execute(database.db);
    expect(await service.app.get(ExpiredEnvelopes, { strict: false }).purge()).toBe(perMinute);
  });
});
