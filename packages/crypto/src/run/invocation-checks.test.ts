import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked, Cast } from '../../test/exchange.js';
import { ask, castOf, chatEnvelopeClaims, envelopeClaims } from '../../test/exchange.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import { tokenHash } from '../encoding/bytes.js';
import type { InvocationContext } from './invocation.js';
import type { InvocationClaims } from './question.js';
import { checkAsker, parseInnerInvocation, verifyInnerSignatureAndBinding, verifyInvocation } from './invocation.js';
import type { Trust } from '../organisation/trust.js';

let acme: TestOrganisation;
let globex: TestOrganisation;
let cast: Cast;
let asked: Asked;
let context: InvocationContext;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  globex = await loadOrganisation('globex');
  cast = await castOf(acme);
  asked = await ask(cast);
  context = await contextOf(asked);
});

async function contextOf({ envelope, envelopeToken }: Asked): Promise<InvocationContext> {
  return {
    trust: acme.trust,
    now: NOW,
    envelope,
    envelopeHash: await tokenHash(envelopeToken),
    audience: cast.responder.urn,
  };
}

/** The question with members replaced, signed by the asker unless somebody else is named. */
async function signed(change: object, who = 'asker'): Promise<string> {
  const signer = await acme.signer(who);
  return rawJws(headerFor('bulla-invoke+jwt', signer), { ...asked.question, ...change }, signer);
}

describe('verifyInvocation and step 7', () => {
  it('accepts the question that was asked, also past its end: the claim decides that', async () => {
    const inner = parseInnerInvocation(asked.sealed.inner);
    await expect(verifyInvocation(inner, context)).resolves.toBeUndefined();
    await expect(verifyInnerSignatureAndBinding(inner, { ...context, now: NOW + 600 })).resolves.toBeUndefined();
  });

  it.each([
    ['dated a minute ahead', { iat: NOW + 60, exp: NOW + 90 }],
    ['that lives for two minutes', { iat: NOW, exp: NOW + 120 }],
  ])('accepts a question %s', async (_name, times) => {
    await expect(verifyInvocation(parseInnerInvocation(await signed(times)), context)).resolves.toBeUndefined();
  });

  it('accepts a chat under a chat envelope', async () => {
    const chat = await ask(cast, chatEnvelopeClaims(cast));
    await expect(
      verifyInvocation(parseInnerInvocation(chat.sealed.inner), await contextOf(chat)),
    ).resolves.toBeUndefined();
  });

  it.each<[string, () => Promise<string>, string, string]>([
    [
      'another purpose than the envelope [guard: question-purpose] [guard: question-one-error]',
      chatQuestion,
      'envelope_tampered',
      'invocation-purpose',
    ],
    [
      'another audience [guard: question-audience]',
      () => signed({ aud: acme.urn('us1') }),
      'envelope_tampered',
      'invocation-audience',
    ],
    [
      'another envelope by hash [guard: question-envelope]',
      () => signed({ env: { ...asked.question.env, hash: 'A'.repeat(43) } }),
      'envelope_tampered',
      'invocation-envelope',
    ],
    [
      'another envelope by id [guard: question-envelope-id]',
      () => signed({ env: { ...asked.question.env, jti: 'env_01kbz2p8e4fxq9m3y7t5w6v8na' } }),
      'envelope_tampered',
      'invocation-envelope-id',
    ],
    [
      'another name [guard: question-name]',
      () => signed({ name: 'claims/other' }),
      'envelope_tampered',
      'invocation-name',
    ],
    [
      'a life over 120 seconds [guard: question-life]',
      () => signed({ exp: NOW + 121 }),
      'envelope_tampered',
      'invocation-life',
    ],
    ['a life that ends before it begins', () => signed({ exp: NOW }), 'envelope_tampered', 'invocation-life'],
    [
      'the future [guard: question-future]',
      () => signed({ iat: NOW + 61, exp: NOW + 90 }),
      'clock_skew',
      'invocation-time',
    ],
    ['a signature of another key [guard: question-signature]', forged, 'signature_invalid', 'invocation-signature'],
    ['an algorithm that is not the key’s', otherAlgorithm, 'signature_invalid', 'invocation-signature'],
  ])('refuses %s, the responder as open_failed', async (_name, make, code, check) => {
    const inner = parseInnerInvocation(await make());
    await expect(verifyInvocation(inner, context)).rejects.toMatchObject({ code, check });
    const opaque = verifyInnerSignatureAndBinding(inner, context);
    await expect(opaque).rejects.toMatchObject({
      code: 'open_failed',
      check: undefined,
      message: 'could not be opened',
    });
    await expect(opaque).rejects.not.toHaveProperty('cause');
  });

  it('refuses a signer that the directory does not list, exactly: who asks is no secret', async () => {
    const signer = await globex.signer('asker');
    const inner = parseInnerInvocation(await rawJws(headerFor('bulla-invoke+jwt', signer), asked.question, signer));
    await expect(verifyInnerSignatureAndBinding(inner, context)).rejects.toMatchObject({
      code: 'key_unknown',
      check: 'invocation-key',
    });
  });

  async function chatQuestion(): Promise<string> {
    const { name: _name, ...rest } = asked.question as Extract<InvocationClaims, { purpose: 'prompt.invoke' }>;
    const signer = await acme.signer('asker');
    const opt = { ...rest.opt, model: 'default' };
    return rawJws(headerFor('bulla-invoke+jwt', signer), { ...rest, purpose: 'chat.invoke', opt }, signer);
  }

  async function forged(): Promise<string> {
    const owner = await acme.signer('owner');
    return rawJws({ ...headerFor('bulla-invoke+jwt', owner), kid: acme.kid('asker') }, asked.question, owner);
  }

  async function otherAlgorithm(): Promise<string> {
    const releaser = await acme.signer('releaser');
    return rawJws({ ...headerFor('bulla-invoke+jwt', releaser), kid: acme.kid('asker') }, asked.question, releaser);
  }
});

describe('checkAsker, step 8', () => {
  it('returns the device that asked', () => {
    expect(checkAsker(parseInnerInvocation(asked.sealed.inner), context)).toMatchObject({
      urn: acme.urn('asker'),
      record: { kid: acme.kid('asker') },
    });
  });

  it('accepts a key for five minutes after it stopped signing, and no second longer', () => {
    const inner = parseInnerInvocation(asked.sealed.inner);
    const now = acme.holder('asker').record.use_until + 300;
    expect(checkAsker(inner, { ...context, now }).urn).toBe(acme.urn('asker'));
    const late = () => checkAsker(inner, { ...context, now: now + 1 });
    expect(late).toThrow(expect.objectContaining({ code: 'key_revoked', check: 'asker-key' }));
  });

  it('accepts an asker with an older directory', () => {
    const newer = {
      directoryRef: { ver: 2, hash: 'A'.repeat(43) },
      requireKey: acme.trust.requireKey.bind(acme.trust),
      hasRole: acme.trust.hasRole.bind(acme.trust),
    };
    const trust = newer as unknown as Trust;
    expect(checkAsker(parseInnerInvocation(asked.sealed.inner), { ...context, trust }).urn).toBe(acme.urn('asker'));
  });

  it.each<[string, () => Promise<[string, Partial<InvocationContext>]>, string, string]>([
    [
      'a signer that is not the envelope’s [guard: asker-cnf]',
      async () => [await signed({}, 'owner'), {}],
      'envelope_tampered',
      'asker-key',
    ],
    [
      'an issuer that is not the envelope’s requester [red: E.sub ≠ I.iss] [guard: asker-sub]',
      async () => [await signed({ iss: acme.urn('owner') }), {}],
      'envelope_tampered',
      'asker',
    ],
    [
      'an issuer that does not hold the key [red] [guard: asker-holds-key]',
      async () => [
        await signed({ iss: acme.urn('owner') }),
        { envelope: envelopeClaims(cast, { sub: acme.urn('owner') }) },
      ],
      'envelope_tampered',
      'asker-issuer',
    ],
    [
      'a key of another organisation [refuses: kid-abroad]',
      async () => [
        await rawJws(
          headerFor('bulla-invoke+jwt', await globex.signer('asker')),
          asked.question,
          await globex.signer('asker'),
        ),
        { envelope: envelopeClaims(cast, { cnf: { jkt: globex.kid('asker') } }) },
      ],
      'key_unknown',
      'asker-key',
    ],
    ['a key that may not invoke', () => askedBy('vault'), 'key_unknown', 'asker-key'],
    ['a key that is revoked', () => askedBy('leaver'), 'key_revoked', 'asker-key'],
    ['a key past its end', () => askedBy('ended'), 'key_revoked', 'asker-key'],
    ['a key long past its use [refuses: key-deactivated]', () => askedBy('veteran'), 'key_revoked', 'asker-key'],
    ['a key not yet active', () => askedBy('early'), 'key_revoked', 'asker-key'],
    ['a device that is no invoker [guard: asker-role]', () => askedBy('guest'), 'forbidden', 'asker-role'],
    [
      'a fork of the directory [guard: asker-directory-fork]',
      async () => [await signed({ dir: { ver: 1, hash: 'A'.repeat(43) } }), {}],
      'trust_rollback',
      'asker-directory',
    ],
    [
      'a directory newer than ours, until it is fetched [guard: asker-directory-newer]',
      async () => [await signed({ dir: { ver: 2, hash: 'A'.repeat(43) } }), {}],
      'trust_expired',
      'asker-directory',
    ],
  ])('refuses %s', async (_name, make, code, check) => {
    const [token, change] = await make();
    const inner = parseInnerInvocation(token);
    expect(() => checkAsker(inner, { ...context, ...change })).toThrow(expect.objectContaining({ code, check }));
  });

  async function askedBy(who: string): Promise<[string, Partial<InvocationContext>]> {
    const envelope = envelopeClaims(cast, { sub: acme.urn(who), cnf: { jkt: acme.kid(who) } });
    return [await signed({ iss: acme.urn(who) }, who), { envelope }];
  }
});
