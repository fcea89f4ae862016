import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseEnvelope } from '@bulla/crypto';
import { Metrics } from '@bulla/service-kit';
import { SignedClient } from '@bulla/service-kit/testing';
import { ExpiredEnvelopes } from '../src/envelopes/expired-envelopes.js';
import type { Bundle } from './authoring.js';
import { basedOn, bodyOf, mintId, must, publishPrompt } from './authoring.js';
import { expectRefusal, untilSettled } from './refusals.js';
import type { TestMember, TestVault } from './running-vault.js';
import { startVault } from './running-vault.js';

let vault: TestVault;
beforeAll(async () => {
  vault = await startVault();
});
afterAll(() => vault.stop());

const PATH = '/api/v1/envelopes';
const aud = () => vault.acme.responders[0].urn;
const wish = (changes: object = {}) => ({ purpose: 'chat.invoke', models: ['default'], aud: aud(), ...changes });
const issue = (member: TestMember, body: object, idempotencyKey?: string) =>
  vault.clientOf(member).post(PATH, body, idempotencyKey === undefined ? {} : { idempotencyKey });
const claimsOf = (bundle: Bundle) => {
  const envelope = parseEnvelope(bundle.env);
  if (envelope.kind !== 'chat') throw new Error('not the envelope of a chat');
  return envelope.claims;
};

/** Another device whose groups the policy lets chat, so that no test has the envelopes of another. */
async function chatter(): Promise<TestMember> {
  const { acme } = vault;
  const device = await acme.makeDevice(mintId('dev').slice(-8), { roles: ['invoker'], groups: ['grp:support'] });
  const from = acme.trust.directory.version;
  await acme.publish((draft) => {
    draft.entities[device.urn] = device.entity;
  });
  const { directory } = acme.documents;
  const path = '/api/v1/organisations/acme/directory';
  must(200, await vault.clientOf(acme.owner).put(path, { directory }, basedOn(from)));
  return device;
}

describe('an envelope for a chat', () => {
  it('says whose it is, where, with which models and how often, and comes alone', async () => {
    const { acme } = vault;
    const models = ['small', 'claude 3'];
    const bundle = bodyOf<Bundle>(must(201, await issue(acme.invoker, wish({ models }), 'request-for-a-chat')));
    expect(Object.keys(bundle).toSorted()).toEqual(['env', 'tags', 'v']);
    expect(bundle.tags).toEqual([]);
    const { iat, exp, ...claims } = claimsOf(bundle);
    expect(claims).toMatchObject({
      iss: acme.vault.urn,
      aud: aud(),
      sub: acme.invoker.urn,
      purpose: 'chat.invoke',
      req: 'request-for-a-chat',
      cnf: { jkt: acme.invoker.sig.kid },
      dir: acme.trust.directoryRef,
      pol: { uses: 1, stream: true, models },
    });
    expect(exp - iat).toBe(120);
  });

  it('for several questions lives longer, and a device has two of them', async () => {
    const device = await chatter();
    const [first] = [
      must(201, await issue(device, wish({ uses: 100 }))),
      must(201, await issue(device, wish({ uses: 2 }))),
    ];
    const { iat, exp, jti, pol } = claimsOf(bodyOf<Bundle>(first));
    expect([exp - iat, pol.uses]).toEqual([300, 100]);
    const refused = await expectRefusal(vault, () => issue(device, wish({ uses: 2 })), 429, 'rate_limited');
    expect(refused.text).toContain('ask for one use');
    // One for a single question is no matter of this.
    must(201, await issue(device, wish()));
    // What is used up makes room, and so does time.
    must(201, await issue(device, wish({ uses: 2, replaces: jti })));
    await expectRefusal(vault, () => issue(device, wish({ uses: 2, replaces: jti })), 429, 'rate_limited');
    vault.clock.advance(301);
    must(201, await issue(device, wish({ uses: 2 })));
    vault.clock.advance(-301);
  });

  it('is one of two although many ask at once [guard: chat-held]', async () => {
    const device = await chatter();
    const answers = await Promise.all(Array.from({ length: 8 }, () => issue(device, wish({ uses: 5 }))));
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([
      201, 201, 429, 429, 429, 429, 429, 429,
    ]);
  });

  it.each([1, 50])('for %i uses is given once for one Idempotency-Key, also when many ask at once', async (uses) => {
    const device = await chatter();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        untilSettled(() => issue(device, wish({ uses }), `the-same-chat-envelope-${uses}`)),
      ),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    await expectRefusal(
      vault,
      () => issue(device, wish({ uses: 3 }), `the-same-chat-envelope-${uses}`),
      422,
      'idempotency_conflict',
    );
  });

  it('takes the points of all its questions at once', async () => {
    const slow = await vault.startReplica({
      rates: { keyPerSecond: 10, organisationPerSecond: 1_000, failuresPerSecond: 2 },
    });
    const device = await chatter();
    const client = new SignedClient(slow, device, { now: () => vault.clock.now() });
    // The bucket of a key holds sixty.
    must(201, await client.post(PATH, wish({ uses: 50 })));
    const refused = await client.post(PATH, wish({ uses: 50 }));
    expect([refused.status, bodyOf<{ code: string }>(refused).code]).toEqual([429, 'rate_limited']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    vault.clock.advance(6);
    must(201, await client.post(PATH, wish({ uses: 50 })));
    vault.clock.advance(-6);
    const { registry } = slow.app.get(Metrics, { strict: false });
    expect(await registry.metrics()).toMatch(/bulla_ratelimit_rejections_total\{[^}]*kind="key"[^}]*\} 1/);
  });

  it('is told of like any other, without its models', async () => {
    const { acme } = vault;
    const { jti } = claimsOf(bodyOf<Bundle>(must(201, await issue(acme.invoker, wish()))));
    const status = must(200, await vault.clientOf(acme.invoker).get(`${PATH}/${jti}`)).body;
    expect(status).toMatchObject({ jti, state: 'issued' });
    expect(JSON.stringify(status)).not.toContain('default');
  });

  it('and the device that had it are forgotten a day after its end', async () => {
    const { clock, service, database } = vault;
    const device = await chatter();
    must(201, await issue(device, wish({ uses: 2 })));
    const expired = service.app.get(ExpiredEnvelopes, { strict: false });
    clock.advance(86_400 + 700);
    await expired.purge();
    clock.advance(-86_400 - 700);
    expect(await database.db.selectFrom('held_chat_envelopes').selectAll().execute()).toEqual([]);
    expect(await database.db.selectFrom('envelope').selectAll().execute()).toEqual([]);
  });
});

describe('no envelope for a chat', () => {
  it('of a device that the policy does not let chat [guard: vault-chat]', async () => {
    const { other } = vault;
    const wanted = wish({ aud: other.responders[0].urn });
    await expectRefusal(vault, () => issue(other.invoker, wanted), 403, 'forbidden');
    // The rights of another organisation are no matter.
    const foreign = { ...vault.acme.invoker };
    await expectRefusal(vault, () => issue(foreign, wanted), 404, 'not_found');
  });

  it.each<[string, object, number, string]>([
    [
      'for a responder that is not there [guard: vault-chat-responder]',
      { aud: 'urn:bulla:acme:svc:responder:us1' },
      404,
      'not_found',
    ],
    ['without models', { models: [] }, 400, 'validation_failed'],
    ['for a model twice', { models: ['small', 'small'] }, 400, 'validation_failed'],
    [
      'for more models than 32',
      { models: Array.from({ length: 33 }, (_, index) => `model-${index}`) },
      400,
      'validation_failed',
    ],
    ['for a model whose name does not show', { models: ['kestrel-planted-value\u200b'] }, 400, 'validation_failed'],
    ['for more than 100 questions', { uses: 101 }, 400, 'validation_failed'],
    ['for no question', { uses: 0 }, 400, 'validation_failed'],
    ['that names a prompt too', { name: 'claims/triage', label: 'production' }, 400, 'validation_failed'],
    ['for another purpose', { purpose: 'chat.reply' }, 400, 'validation_failed'],
    ['instead of what is no envelope', { replaces: 'prm_01kz84jm00fs4v9y6x7qj3r2dn' }, 400, 'validation_failed'],
  ])('%s', async (_name, changes, status, code) => {
    await expectRefusal(vault, () => issue(vault.acme.invoker, wish(changes)), status, code as 'not_found');
  });

  it('where a prompt is asked for, and a prompt says its purpose too', async () => {
    const { acme } = vault;
    const prompt = await publishPrompt(vault, acme);
    const wanted = { prompt: prompt.id, version: 1, aud: aud() };
    const said = bodyOf<Bundle>(must(201, await issue(acme.invoker, { ...wanted, purpose: 'prompt.invoke' })));
    expect(parseEnvelope(said.env).kind).toBe('prompt');
    await expectRefusal(vault, () => issue(acme.invoker, { ...wanted, models: ['small'] }), 400, 'validation_failed');
  });
});
