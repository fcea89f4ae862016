import { beforeAll, describe, expect, it } from '@jest/globals';
import { exampleStatement } from '../../test/examples.js';
import type { TestOrganisation } from '../../test/organisation.js';
import { loadOrganisation, NOW } from '../../test/organisation.js';
import { headerFor, rawJws } from '../../test/raw-token.js';
import type { Signer } from '../keys/signer.js';
import { parseStatement, signStatement, STATEMENT_MAX_BYTES } from './statement.js';

const TYP = 'bulla-prompt+jwt';
let acme: TestOrganisation;
let owner: Signer;

beforeAll(async () => {
  acme = await loadOrganisation('acme');
  owner = await acme.signer('owner');
});

describe('parseStatement refuses', () => {
  const wrong: [string, unknown][] = [
    ['iss', 'urn:bulla:acme:svc:responder:eu1'],
    ['iss', 'urn:bulla:acme:dev:laptop'],
    ['aud', 'acme'],
    ['aud', 'urn:bulla:acme:recovery'],
    ['sub', 'urn:bulla:acme:prompt:1'],
    ['sub', 'urn:bulla:acme'],
    ['name', 'Claims'],
    ['name', 'a/../b/'],
    ['name', 'a'.repeat(129)],
    ['ver', 0],
    ['ver', 1.5],
    ['ver', '3'],
    ['iat', -1],
    ['iat', '2027-01-15'],
    ['iat', NOW + 0.5],
    ['jti', ''],
    ['jti', 'x'.repeat(129)],
    ['purpose', 'prompt.invoke'],
    ['custody', 'open'],
    ['n', 'short'],
    ['n', 'tPYV0ZbJ8cOxh2Qm1a7Kzh'],
    ['n', 'xtPYV0ZbJ8cOxh2Qm1a7Kzg'],
    ['n', 'tPYV0ZbJ8cOxh2Qm1a7Kzgx'],
    ['protect_until', '2029-13-01'],
    ['protect_until', '2029-02-30'],
    ['protect_until', 2029],
    ['acl', { invoke: ['support'], read: [], responders: [] }],
    ['acl', { invoke: [], read: [] }],
    ['acl', { invoke: Array.from({ length: 65 }, () => 'grp:a'), read: [], responders: [] }],
    ['acl', { invoke: [], read: [], responders: ['urn:bulla:acme:svc:vault'] }],
    ['acl', { invoke: [], read: [], responders: [], write: [] }],
    ['input', {}],
    ['input', { messages: 'no' }],
    ['input', { messages: true, files: true }],
    ['attachments', [{ id: 'a', key: 'A'.repeat(43), size: 1, sha256: 'A'.repeat(43) }]],
    ['attachments', [{ id: 'a', key: 'A'.repeat(43), size: 1 }]],
    ['attachments', {}],
    ['attachments', null],
    ['message', 'x'.repeat(1001)],
    ['message', null],
  ];
  it.each(wrong)('a wrong %s (case %#)', async (name, value) => {
    const token = await rawJws(headerFor(TYP, owner), { ...exampleStatement(acme), [name]: value }, owner);
    expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  const messages = [{ role: 'user', content: 'x' }];
  const model = { name: 'm' };
  const wrongContent: [string, unknown][] = [
    ['without messages', { messages: [], vars: {}, model }],
    ['with a role of its own', { messages: [{ role: 'tool', content: 'x' }], vars: {}, model }],
    ['with a message in parts', { messages: [{ role: 'user', content: ['x'] }], vars: {}, model }],
    ['with a member more in a message', { messages: [{ role: 'user', content: 'x', name: 'y' }], vars: {}, model }],
    ['with too many messages', { messages: Array.from({ length: 257 }, () => messages[0]), vars: {}, model }],
    [
      'with a variable name that no template can hold',
      { messages, vars: { 'a b': { type: 'string', max: 1 } }, model },
    ],
    ['with a variable of another type', { messages, vars: { a: { type: 'number', max: 1 } }, model }],
    ['with a variable without a limit', { messages, vars: { a: { type: 'string' } }, model }],
    ['with a variable of no length', { messages, vars: { a: { type: 'string', max: 0 } }, model }],
    [
      'with a default longer than the limit',
      { messages, vars: { a: { type: 'string', max: 2, default: 'abc' } }, model },
    ],
    [
      'with a variable called like a member of every object',
      { messages, vars: { constructor: { type: 'string', max: 1 } }, model },
    ],
    ['without a model', { messages, vars: {} }],
    ['with a nameless model', { messages, vars: {}, model: { name: '' } }],
    ['with a model whose name is two lines', { messages, vars: {}, model: { name: 'm\nVALID' } }],
    ['with too high a temperature', { messages, vars: {}, model: { name: 'm', temperature: 2.1 } }],
    ['with a fraction of a token', { messages, vars: {}, model: { name: 'm', max_output_tokens: 1.5 } }],
    [
      'with a tool whose schema is no JSON',
      {
        messages,
        vars: {},
        model: { name: 'm', tools: [{ type: 'function', function: { name: 'f', parameters: '{' } }] },
      },
    ],
    ['with an option more', { messages, vars: {}, model: { name: 'm', top_k: 1 } }],
  ];
  it.each(wrongContent)('content %s', async (_name, content) => {
    const token = await rawJws(headerFor(TYP, owner), { ...exampleStatement(acme), content }, owner);
    expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('a statement without any one of its claims', async () => {
    const claims = exampleStatement(acme);
    for (const name of Object.keys(claims)) {
      const rest = Object.fromEntries(Object.entries(claims).filter(([member]) => member !== name));
      const token = await rawJws(headerFor(TYP, owner), rest, owner);
      expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    }
  });

  const spelled: [string, (json: string) => string][] = [
    ['a claim more', (json) => json.replace('{', '{"nbf":1,')],
    ['a claim twice', (json) => json.replace('{', '{"ver":3,')],
    ['white space', (json) => json.replace(',', ', ')],
    ['a number spelled otherwise', (json) => json.replace('0.2', '0.20')],
    ['an integer spelled as a fraction', (json) => json.replace('"ver":3', '"ver":3.0')],
    ['a number beyond all bounds', (json) => json.replace('0.2', '1e999')],
    ['an escape that is not needed', (json) => json.replace('sort', '\\u0073ort')],
    ['half a character', (json) => json.replace('sort', '\\ud800')],
    ['a zero character', (json) => json.replace('sort', '\\u0000')],
  ];
  it.each(spelled)('%s', async (_name, change) => {
    const json = JSON.stringify(exampleStatement(acme));
    expect(change(json)).not.toBe(json);
    const token = await rawJws(headerFor(TYP, owner), change(json), owner);
    expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it.each([
    ['of another type', { typ: 'bulla-tag+jwt' }],
    ['of the general type', { typ: 'JWT' }],
    ['without a type', { typ: undefined }],
    ['that names its own key [guard: token-header]', { jwk: {} }],
    ['that points to a key [refuses: jku-present]', { jku: 'https://evil.example' }],
    ['with critical extensions [refuses: crit-present]', { crit: ['b64'], b64: false }],
    ['without a signature algorithm [refuses: alg-none]', { alg: 'none' }],
    ['without a signature algorithm, spelled otherwise [refuses: alg-none]', { alg: 'nOnE' }],
    ['with a symmetric algorithm [refuses: alg-hs256]', { alg: 'HS256' }],
    ['with PKCS#1 signatures [refuses: alg-rs256]', { alg: 'RS256' }],
    ['with a path as key [refuses: kid-path]', { kid: '../vault' }],
  ])('a header %s', async (_name, change) => {
    const token = await rawJws({ ...headerFor(TYP, owner), ...change }, exampleStatement(acme), owner);
    expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });

  it('a statement over its size', async () => {
    const content = {
      messages: [{ role: 'user', content: 'x'.repeat(STATEMENT_MAX_BYTES) }],
      vars: {},
      model,
    } as const;
    const claims = { ...exampleStatement(acme), content };
    const token = await rawJws(headerFor(TYP, owner), claims, owner);
    expect(() => parseStatement(token)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
    const tooLong = signStatement(
      exampleStatement(acme, { content: { ...content, messages: [...content.messages] } }),
      owner,
    );
    await expect(tooLong).rejects.toMatchObject({ code: 'payload_too_large' });
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', '..', 'e30.e30.', '{"payload":"e30","signatures":[]}'])(
    'what is no token: %j',
    (text) => {
      expect(() => parseStatement(text)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    },
  );
});

it('signs nothing that it would not read', async () => {
  await expect(signStatement(exampleStatement(acme, { ver: 0 }), owner)).rejects.toMatchObject({
    code: 'token_malformed',
  });
  await expect(signStatement(exampleStatement(acme, { message: '\ud800' }), owner)).rejects.toMatchObject({
    code: 'token_malformed',
  });
});
