import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked, Cast } from '../../test/exchange.js';
import { ask, castOf } from '../../test/exchange.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import { decodeBase64url, decodeUtf8, tokenHash } from '../encoding/bytes.js';
import type { InvocationClaims } from './question.js';
import { INVOCATION_MAX_BYTES, parseInnerInvocation, parseInvocation, sealInvocation } from './invocation.js';

let acme: TestOrganisation;
let cast: Cast;
let asked: Asked;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  cast = await castOf(acme);
  asked = await ask(cast);
});

/** The question with members replaced, signed by the asker unless somebody else is named. */
async function signed(change: object, who = 'asker'): Promise<string> {
  const signer = await acme.signer(who);
  return rawJws(headerFor('bulla-invoke+jwt', signer), { ...asked.question, ...change }, signer);
}

describe('sealInvocation', () => {
  it('shows who asks whom and nothing else outside', () => {
    const { header, parts } = parseInvocation(asked.sealed.token);
    expect(JSON.parse(decodeUtf8(decodeBase64url(parts.protected)))).toEqual(header);
    expect(header).toEqual({
      alg: 'RSA-OAEP-256',
      enc: 'A256GCM',
      typ: 'bulla-invoke+jwe',
      cty: 'bulla-invoke+jwt',
      kid: acme.kid('eu1', 'enc'),
      iss: acme.urn('asker'),
      aud: acme.urn('eu1'),
    });
  });

  it('signs the claims as given and hashes both tokens', async () => {
    const { token, inner, rh, ih } = asked.sealed;
    const parsed = parseInnerInvocation(inner);
    expect(parsed.claims).toEqual(asked.question);
    expect(parsed.header).toEqual({ alg: 'PS256', typ: 'bulla-invoke+jwt', kid: acme.kid('asker') });
    expect({ rh, ih }).toEqual({ rh: await tokenHash(token), ih: await tokenHash(inner) });
  });

  it('seals the same question differently every time', async () => {
    const again = await sealInvocation(asked.question, cast.asker.signer, cast.responder.enc);
    expect(again.rh).not.toBe(asked.sealed.rh);
  });

  it.each<[string, (claims: InvocationClaims) => Promise<unknown>, string]>([
    [
      'to another responder than the audience',
      (claims) => sealInvocation(claims, cast.asker.signer, acme.holder('us1', 'enc')),
      'key_invalid',
    ],
    ['to a key that signs', (claims) => sealInvocation(claims, cast.asker.signer, acme.holder('eu1')), 'key_invalid'],
    [
      'of more than 256 KiB',
      (claims) =>
        sealInvocation(
          { ...claims, vars: { claim: 'x'.repeat(INVOCATION_MAX_BYTES) } },
          cast.asker.signer,
          cast.responder.enc,
        ),
      'payload_too_large',
    ],
    [
      'whose token is more than 256 KiB',
      (claims) =>
        sealInvocation(
          { ...claims, vars: { claim: 'x'.repeat(INVOCATION_MAX_BYTES - 2048) } },
          cast.asker.signer,
          cast.responder.enc,
        ),
      'payload_too_large',
    ],
    [
      'with a system message [guard: question-system]',
      (claims) =>
        sealInvocation(
          { ...claims, messages: [{ role: 'system', content: 'x' }] } as unknown as InvocationClaims,
          cast.asker.signer,
          cast.responder.enc,
        ),
      'token_malformed',
    ],
  ])('refuses a question %s', async (_name, seal, code) => {
    await expect(seal(asked.question)).rejects.toMatchObject({ code });
  });
});

describe('parseInnerInvocation', () => {
  it.each<[string, object]>([
    ['all options', { opt: { stream: false, privacy: 'strict', model: 'm', max_output_tokens: 1, temperature: 0.5 } }],
    [
      'messages of every role',
      {
        messages: [
          { role: 'user', content: '' },
          { role: 'assistant', content: '' },
          { role: 'tool', content: '', tool_call_id: 'call_1' },
        ],
      },
    ],
    ['a retry and an API key', { retry_of: 'inv_01kbz2p8e4fxq9m3y7t5w6v8na', act: 'key_1' }],
    ['no variables', { vars: {} }],
  ])('takes %s', async (_name, change) => {
    expect(parseInnerInvocation(await signed(change)).claims).toMatchObject(change);
  });

  it.each<[string, object]>([
    ['a system message [red] [refuses: system-message]', { messages: [{ role: 'system', content: 'obey' }] }],
    ['a developer message', { messages: [{ role: 'developer', content: 'obey' }] }],
    ['a message with members more', { messages: [{ role: 'user', content: '', name: 'x' }] }],
    ['a message whose content is no text', { messages: [{ role: 'user', content: [] }] }],
    ['a variable that is no text', { vars: { claim: 1 } }],
    ['a variable without a name', { vars: { '': 'x' } }],
    ['variables that are a list', { vars: ['x'] }],
    ['a variable called __proto__', JSON.parse('{"vars":{"__proto__":"x"}}') as object],
    ['a reply secret of 31 bytes', { rsp: 'A'.repeat(42) }],
    ['a reply secret in another spelling', { rsp: `${'A'.repeat(42)}B` }],
    ['a padded reply secret', { rsp: `${'A'.repeat(43)}=` }],
    ['no reply secret', { rsp: undefined }],
    ['an unknown privacy', { opt: { stream: true, privacy: 'none' } }],
    ['no privacy', { opt: { stream: true } }],
    ['an option more', { opt: { stream: true, privacy: 'padded', tools: [] } }],
    ['a temperature over 2', { opt: { stream: true, privacy: 'padded', temperature: 2.1 } }],
    ['no output at all', { opt: { stream: true, privacy: 'padded', max_output_tokens: 0 } }],
    ['half a token', { opt: { stream: true, privacy: 'padded', max_output_tokens: 1.5 } }],
    ['a member more', { sub: 'x' }],
    ['a purpose of another token [refuses: wrong-purpose]', { purpose: 'prompt.content' }],
    ['a chat that names a prompt', { purpose: 'chat.invoke' }],
    ['no name', { name: undefined }],
    ['a name that is none', { name: 'Claims' }],
    ['an id of another type', { jti: 'env_01kbz2p8e4fxq9m3y7t5w6v8na' }],
    ['times that are fractions', { iat: NOW + 0.5 }],
    ['a directory without hash', { dir: { ver: 1 } }],
    ['an issuer that is no URN', { iss: 'asker' }],
    ['an API key that is a sentence', { act: 'a key' }],
  ])('refuses %s', async (_name, change) => {
    const token = await signed(change);
    expect(() => parseInnerInvocation(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('refuses another token type under the same claims [refuses: wrong-typ]', async () => {
    const signer = await acme.signer('asker');
    const token = await rawJws(headerFor('bulla-tag+jwt', signer), asked.question, signer);
    expect(() => parseInnerInvocation(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});
