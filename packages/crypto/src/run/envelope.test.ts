import { verifyEnvelopeToken } from '../../test/reading.js';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exampleChatEnvelope, exampleEnvelope, promptOf } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { flipped, headerFor, rawJws } from '../../test/raw-token.js';
import { tokenHash } from '../encoding/bytes.js';
import type { ChatEnvelopeClaims, EnvelopeClaims, EnvelopeContext } from './envelope.js';
import { ENVELOPE_MAX_BYTES, parseEnvelope, signChatEnvelope, signEnvelope } from './envelope.js';
import type { Signer } from '../keys/signer.js';

const TYP = 'bulla-envelope+jwt';
const CHAT_TYP = 'bulla-chat-envelope+jwt';
let acme: TestOrganisation;
let globex: TestOrganisation;
let vault: Signer;
let bound: { chash: string; whash: string };

beforeAll(async () => {
  [acme, globex] = await Promise.all([loadOrganisation('acme'), loadOrganisation('globex')]);
  vault = await acme.signer('vault');
  bound = { chash: await tokenHash('content'), whash: await tokenHash('grant') };
});

function context(changes: Partial<EnvelopeContext> = {}): EnvelopeContext {
  return { trust: acme.trust, now: NOW, audience: acme.urn('eu1'), ...changes };
}

async function signed(changes: Partial<EnvelopeClaims> = {}, signer: Signer = vault): Promise<string> {
  return signEnvelope(exampleEnvelope(acme, bound, changes), signer);
}

describe('an envelope', () => {
  it('is verified with its hash, its issuer and the prompt it is for [guard: control]', async () => {
    const token = await signed();
    expect(await verifyEnvelopeToken(token, context())).toMatchObject({
      kind: 'prompt',
      token,
      claims: exampleEnvelope(acme, bound),
      hash: await tokenHash(token),
      sub: promptOf(acme),
      issuer: { urn: acme.urn('vault') },
    });
  });

  it('of a chat names no prompt', async () => {
    const claims = exampleChatEnvelope(acme);
    const verified = await verifyEnvelopeToken(await signChatEnvelope(claims, vault), context());
    expect(verified).toMatchObject({ kind: 'chat', claims });
    expect(verified).not.toHaveProperty('sub');
  });

  it.each([
    ['at its first moment', { iat: NOW, nbf: NOW, exp: NOW + 300 }, {}],
    ['as long as the clocks differ by the skew: ahead', { iat: NOW + 60, nbf: NOW + 60, exp: NOW + 180 }, {}],
    ['as long as the clocks differ by the skew: behind', { iat: NOW - 180, nbf: NOW - 180, exp: NOW - 60 }, {}],
    ['in its grace', { iat: NOW - 1100, nbf: NOW - 1100, exp: NOW - 900 }, { graceSeconds: 900 }],
    [
      'within the skew where the grace is shorter',
      { iat: NOW - 100, nbf: NOW - 100, exp: NOW - 60 },
      { graceSeconds: 5 },
    ],
  ])('is good %s', async (_name, times, changes) => {
    await expect(verifyEnvelopeToken(await signed(times), context(changes))).resolves.toMatchObject({ claims: times });
  });

  it('is good for a gateway, which asks for others', async () => {
    const sub = 'urn:bulla:acme:svc:gateway:g1';
    await expect(verifyEnvelopeToken(await signed({ sub }), context())).resolves.toMatchObject({ claims: { sub } });
  });

  it('is good under a key that stopped signing while it was on its way', async () => {
    const token = await signed({}, await acme.signer('vault', 'fading'));
    await expect(verifyEnvelopeToken(token, context())).resolves.toMatchObject({ kind: 'prompt' });
  });

  it('may name the directory of the vault, and one from before that was said does not', async () => {
    const { dir } = { dir: acme.trust.directoryRef };
    await expect(verifyEnvelopeToken(await signed({ dir }), context())).resolves.toMatchObject({ claims: { dir } });
    expect((await verifyEnvelopeToken(await signed(), context())).claims).not.toHaveProperty('dir');
  });

  it('needs no limit of tokens', async () => {
    const token = await signed({ pol: { uses: 2, stream: false } });
    await expect(verifyEnvelopeToken(token, context())).resolves.toMatchObject({
      claims: { pol: { uses: 2, stream: false } },
    });
  });
});

describe('verifyEnvelope refuses', () => {
  const posing = async (name: string, key?: string): Promise<Signer> => ({
    ...(await acme.signer(name, key)),
    kid: vault.kid,
  });
  const wrong: [string, () => Promise<string>, string, string][] = [
    [
      'a key that nobody holds',
      () => signed({}, { ...vault, kid: globex.kid('vault') }),
      'key_unknown',
      'envelope-key',
    ],
    [
      'a key of the vault that is for content [guard: key-purpose]',
      async () => signed({}, await acme.signer('vault', 'content')),
      'key_unknown',
      'envelope-key',
    ],
    ["a device, even an owner's", async () => signed({}, await acme.signer('owner')), 'key_unknown', 'envelope-key'],
    ['a responder', async () => signed({}, await acme.signer('eu1')), 'key_unknown', 'envelope-key'],
    [
      'a key that stopped signing long before [guard: key-grace]',
      async () => signed({}, await acme.signer('vault', 'faded')),
      'key_revoked',
      'envelope-key',
    ],
    [
      'a signature by another key [guard: envelope-signature]',
      async () => signed({}, await posing('owner')),
      'signature_invalid',
      'envelope-signature',
    ],
    [
      "an algorithm that is not the key's",
      async () => signed({}, await posing('vault', 'fading')),
      'signature_invalid',
      'envelope-signature',
    ],
    [
      'an issuer who does not hold the key [guard: envelope-issuer]',
      () => signed({ iss: globex.urn('vault') }),
      'envelope_tampered',
      'envelope-issuer',
    ],
    [
      'another responder [guard: envelope-audience]',
      () => signed({ aud: acme.urn('us1') }),
      'envelope_tampered',
      'envelope-audience',
    ],
    [
      'a requester of another organisation [guard: envelope-organisation]',
      () => signed({ sub: globex.urn('asker') }),
      'envelope_tampered',
      'envelope-organisation',
    ],
    [
      'a life of over five minutes [guard: envelope-life]',
      () => signed({ exp: NOW + 301 }),
      'envelope_tampered',
      'envelope-life',
    ],
    [
      'a life that ends before it begins',
      () => signed({ exp: NOW - 1, nbf: NOW - 2 }),
      'envelope_tampered',
      'envelope-life',
    ],
    ['a life that ends as it begins', () => signed({ exp: NOW, nbf: NOW - 1 }), 'envelope_tampered', 'envelope-life'],
    ['a life that ends before it is valid', () => signed({ nbf: NOW + 120 }), 'envelope_tampered', 'envelope-life'],
    [
      'an issue in the future [refuses: iat-future]',
      () => signed({ iat: NOW + 61, exp: NOW + 120 }),
      'clock_skew',
      'envelope-times',
    ],
    [
      'what is not valid yet [guard: envelope-not-yet]',
      () => signed({ nbf: NOW + 61 }),
      'clock_skew',
      'envelope-times',
    ],
    [
      'what has expired [guard: envelope-expired]',
      () => signed({ iat: NOW - 181, nbf: NOW - 181, exp: NOW - 61 }),
      'envelope_expired',
      'envelope-times',
    ],
  ];
  it.each(wrong)('%s', async (_name, token, code, check) => {
    await expect(verifyEnvelopeToken(await token(), context())).rejects.toMatchObject({ code, check });
  });

  it('what is past its grace', async () => {
    const token = await signed({ iat: NOW - 1000, nbf: NOW - 1000, exp: NOW - 901 });
    const refused = verifyEnvelopeToken(token, context({ graceSeconds: 900 }));
    await expect(refused).rejects.toMatchObject({ code: 'envelope_expired' });
  });

  it('an audience of another organisation, even its own', async () => {
    const token = await signed({ aud: globex.urn('eu1') });
    const refused = verifyEnvelopeToken(token, context({ audience: globex.urn('eu1') }));
    await expect(refused).rejects.toMatchObject({ code: 'envelope_tampered', check: 'envelope-organisation' });
  });

  it('an envelope of another organisation, even rightly made', async () => {
    const token = await signEnvelope(exampleEnvelope(globex, bound), await globex.signer('vault'));
    await expect(verifyEnvelopeToken(token, context())).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('any single changed character', async () => {
    for (const other of flipped(await signed({}, await acme.signer('vault', 'fading')))) {
      await expect(verifyEnvelopeToken(other, context())).rejects.toMatchObject({
        code: expect.stringMatching(/^(token_malformed|key_unknown|signature_invalid)$/),
      });
    }
  });
});

describe('parseEnvelope', () => {
  const wrong: [string, unknown][] = [
    ['iss', 'urn:bulla:acme:svc:gateway:g1'],
    ['aud', 'urn:bulla:acme:svc:vault'],
    ['aud', 'urn:bulla:acme'],
    ['sub', 'urn:bulla:acme:svc:vault'],
    ['sub', 'somebody'],
    ['iat', NOW + 0.5],
    ['nbf', null],
    ['exp', '1800000120'],
    ['exp', -1],
    ['jti', 'inv_01kz84jm00fs4v9y6x7qj3r2dn'],
    ['jti', 'env_1'],
    ['purpose', 'chat.invoke'],
    ['purpose', 'prompt.reply'],
    ['req', ''],
    ['req', 'x'.repeat(129)],
    ['req', 'a b'],
    ['prm', undefined],
    ['prm', { id: 'prm_1', name: 'a', ver: 1, chash: 'A'.repeat(43) }],
    ['whash', 'x'],
    ['whash', undefined],
    ['cnf', { jkt: 'x' }],
    ['cnf', { jwk: {} }],
    ['dir', null],
    ['dir', { ver: 0, hash: 'A'.repeat(43) }],
    ['dir', { ver: 1 }],
    ['pol', { uses: 0, stream: true }],
    ['pol', { uses: 1001, stream: true }],
    ['pol', { uses: 1, stream: 'yes' }],
    ['pol', { uses: 1, stream: true, max_output_tokens: 0 }],
    ['pol', { uses: 1, stream: true, models: ['default'] }],
    ['nonce', 'more'],
  ];
  it.each(wrong)('refuses a wrong %s (case %#)', async (name, value) => {
    const token = await rawJws(headerFor(TYP, vault), { ...exampleEnvelope(acme, bound), [name]: value }, vault);
    expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  const wrongChat: [string, unknown][] = [
    ['sub', 'urn:bulla:acme:svc:gateway:g1'],
    ['purpose', 'prompt.invoke'],
    ['prm', { id: 'prm_01kz84jm00fs4v9y6x7qj3r2dn', name: 'a', ver: 1, chash: 'A'.repeat(43) }],
    ['whash', 'A'.repeat(43)],
    ['pol', { uses: 1, stream: true }],
    ['pol', { uses: 1, stream: true, models: [] }],
    ['pol', { uses: 1, stream: true, models: [''] }],
    ['pol', { uses: 1, stream: true, models: ['default '] }],
    ['pol', { uses: 1, stream: true, models: Array.from({ length: 33 }, () => 'm') }],
    ['pol', { uses: 101, stream: true, models: ['default'] }],
  ];
  it.each(wrongChat)(
    'refuses a wrong %s in a chat (case %#) [guard: chat-by-device] [guard: chat-uses]',
    async (name, value) => {
      const token = await rawJws(headerFor(CHAT_TYP, vault), { ...exampleChatEnvelope(acme), [name]: value }, vault);
      expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    },
  );

  it.each([
    ['a prompt', () => exampleEnvelope(acme, bound), TYP],
    ['a chat', () => exampleChatEnvelope(acme), CHAT_TYP],
  ] as [string, () => EnvelopeClaims | ChatEnvelopeClaims, string][])(
    'refuses any claim missing of %s',
    async (_name, claims, typ) => {
      for (const missing of Object.keys(claims())) {
        const rest = Object.fromEntries(Object.entries(claims()).filter(([name]) => name !== missing));
        const token = await rawJws(headerFor(typ, vault), rest, vault);
        expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
      }
    },
  );

  it('refuses an envelope over its size', async () => {
    const claims = { ...exampleEnvelope(acme, bound), more: 'x'.repeat(ENVELOPE_MAX_BYTES) };
    const token = await rawJws(headerFor(TYP, vault), claims, vault);
    expect(() => parseEnvelope(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});

it('signs nothing that it would not read', async () => {
  await expect(signed({ jti: 'x' })).rejects.toMatchObject({ code: 'token_malformed' });
  const chat = signChatEnvelope(exampleChatEnvelope(acme, { sub: acme.urn('eu1') }), vault);
  await expect(chat).rejects.toMatchObject({ code: 'token_malformed' });
});
