import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Party, PlainRequest } from '../../test/messages.js';
import { DEVICE, flipBit, GET, makeParty, NOW, parse, partsOf, POST, signPlain, VAULT } from '../../test/messages.js';
import { decodeUtf8, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { checkSignatureTimes, signRequest, verifyRequestSignature } from './signature.js';
import type { RequestSummary } from './signature-components.js';
import { requestSummary } from './signature-components.js';
import type { ResponseTrust } from './response-signature.js';
import { signResponse, verifyResponse } from './response-signature.js';
import type { KeyRecord } from '../keys/keys.js';
import { isUsable } from '../keys/keys.js';

interface PlainResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

let device: Party;
let vault: Party;
let responder: Party;
let request: RequestSummary;
let otherRequest: RequestSummary;
let answer: PlainResponse;

const RESPONDER = 'urn:bulla:acme:svc:responder:eu1';

beforeAll(async () => {
  [device, vault, responder] = [await makeParty(DEVICE), await makeParty(VAULT), await makeParty(RESPONDER)];
  request = await verified(POST);
  otherRequest = await verified(POST);
  answer = await respond({ status: 201, body: '{"version":3}' });
});

async function verified(plain: PlainRequest): Promise<RequestSummary> {
  return verifyRequestSignature(parse(await signPlain(plain, device)), device.record);
}

async function respond(
  { status, body }: { status: number; body: string },
  to = request,
  by = vault,
  now = NOW,
): Promise<PlainResponse> {
  const contentType = body === '' ? {} : { contentType: 'application/json' };
  const added = await signResponse({ status, body: utf8(body), request: to, ...contentType }, { ...by, now });
  return { status, body, headers: { ...(body !== '' && { 'content-type': 'application/json' }), ...added } };
}

/** Trust in the keys of the vault and the responder, with the rules of a directory. */
function trustIn(...records: readonly [string, KeyRecord][]): ResponseTrust {
  return {
    requireKey(kid, { usage, purpose, now, check }) {
      const found = records.find(([, record]) => record.kid === kid);
      if (!found?.[1].pur.includes(purpose)) throw new CryptoError('key_unknown', 'not listed', { check });
      if (!isUsable(found[1], usage, false, now)) throw new CryptoError('key_revoked', 'not usable', { check });
      return { urn: found[0], record: found[1] };
    },
  };
}

async function verify(
  response: PlainResponse,
  to = request,
  now = NOW,
  expectedUrn = VAULT,
  trust = trustIn([VAULT, vault.record], [RESPONDER, responder.record]),
): Promise<unknown> {
  const { status, headers, body } = response;
  const parts = { status, header: (name: string) => headers[name], body: utf8(body) };
  return verifyResponse(parts, to, { trust, now, expectedUrn });
}

const set = (headers: Record<string, string>) => (response: PlainResponse) => ({
  ...response,
  headers: { ...response.headers, ...headers },
});
const drop = (name: string) => (response: PlainResponse) => ({
  ...response,
  headers: Object.fromEntries(Object.entries(response.headers).filter(([key]) => key !== name)),
});
const edit = (name: string, from: string | RegExp, to: string) => (response: PlainResponse) => {
  const before = response.headers[name] ?? '';
  const after = before.replace(from, to);
  if (after === before) throw new Error(`nothing to edit in ${name}`);
  return set({ [name]: after })(response);
};
const put = (more: Partial<PlainResponse>) => (response: PlainResponse) => ({ ...response, ...more });

describe('a signed response', () => {
  it('covers status, content and the request it answers, in one order [guard: response-request]', async () => {
    const bases: string[] = [];
    const signer = {
      ...vault.signer,
      sign: async (base: Uint8Array<ArrayBuffer>) => {
        bases.push(decodeUtf8(base));
        return vault.signer.sign(base);
      },
    };
    const { headers } = await respond({ status: 200, body: '{}' }, request, { ...vault, signer });
    const params =
      '("@status" "content-type" "content-digest" "@method";req "@authority";req "@path";req "@query";req "signature";req;key="bulla")' +
      `;created=${NOW};keyid="${vault.keyid}";tag="bulla-res-1"`;
    expect(headers['signature-input']).toBe(`bulla=${params}`);
    expect(bases).toEqual([
      [
        '"@status": 200',
        '"content-type": application/json',
        '"content-digest": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:',
        '"@method";req: POST',
        '"@authority";req: vault.acme.example',
        '"@path";req: /api/v1/envelopes',
        '"@query";req: ?dry=1&x=a%20b',
        `"signature";req;key="bulla": ${request.signature}`,
        `"@signature-params": ${params}`,
      ].join('\n'),
    ]);
  });

  it.each(['rsa2048', 'rsa3072', 'p256', 'ed25519'] as const)('verifies under a key of suite %s', async (suite) => {
    const party = await makeParty(VAULT, suite);
    const { status, headers, body } = await respond({ status: 200, body: '{}' }, request, party);
    const options = { trust: trustIn([VAULT, party.record]), now: NOW, expectedUrn: VAULT };
    const parts = { status, header: (name: string) => headers[name], body: utf8(body) };
    await expect(verifyResponse(parts, request, options)).resolves.toEqual({ keyid: party.keyid, created: NOW });
  });

  it.each([
    ['204', { status: 204, body: '' }],
    ['304', { status: 304, body: '' }],
    ['202 with an empty body', { status: 202, body: '' }],
    ['599', { status: 599, body: '' }],
  ])('without content covers neither type nor digest: %s', async (_name, response) => {
    const signed = await respond(response);
    expect(signed.headers).not.toHaveProperty('content-digest');
    expect(signed.headers['signature-input']).toContain('bulla=("@status" "@method";req ');
    await expect(verify(signed)).resolves.toMatchObject({ keyid: vault.keyid });
    const bodyless = { status: response.status, header: (name: string) => signed.headers[name] };
    const options = { trust: trustIn([VAULT, vault.record]), now: NOW, expectedUrn: VAULT };
    await expect(verifyResponse(bodyless, request, options)).resolves.toMatchObject({ keyid: vault.keyid });
  });

  it('to HEAD has no content, whatever type the header names', async () => {
    const head = await verified({ ...GET, method: 'HEAD' });
    const signed = await respond({ status: 200, body: '' }, head);
    await expect(verify(set({ 'content-type': 'application/json' })(signed), head)).resolves.toBeDefined();
    await expect(respond({ status: 200, body: '{}' }, head)).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('is signed with a key that the trust says is for HTTP now', async () => {
    const asked: unknown[] = [];
    const trust: ResponseTrust = {
      requireKey: (...demand) => {
        asked.push(demand);
        return trustIn([VAULT, vault.record]).requireKey(...demand);
      },
    };
    await verify(answer, request, NOW + 1, VAULT, trust);
    const use = { usage: 'http', purpose: 'http', now: NOW + 1, check: 'response-signature' };
    expect(asked).toStrictEqual([[vault.record.kid, use]]);
  });

  it('binds to what the client itself sent', async () => {
    const headers = await signRequest(partsOf(POST), { ...device, now: NOW });
    const sent = requestSummary(POST, headers['signature']);
    await expect(verify(await respond({ status: 200, body: '{}' }, sent), sent)).resolves.toBeDefined();
  });

  // [red] The refusal of a wrong clock is itself readable; the clock is mended by a human, not by the answer.
  it('is judged without comparing clocks, and tells the other clock [refuses: clock-offset]', async () => {
    const late = await respond({ status: 401, body: '{"code":"clock_skew"}' }, request, vault, NOW + 3600);
    await expect(verify(late)).resolves.toEqual({ keyid: vault.keyid, created: NOW + 3600 });
    const next = parse(await signPlain(GET, device));
    expect(next.created).toBe(NOW);
    expect(() => checkSignatureTimes(next, NOW + 3600)).toThrow(expect.objectContaining({ code: 'clock_skew' }));
  });
});

describe('signResponse refuses', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['a keyid of another key', () => respond(answer, request, { ...vault, keyid: device.keyid }), 'key_invalid'],
    ['content in a 204', () => respond({ status: 204, body: '{}' }), 'token_malformed'],
    ['content in a 304', () => respond({ status: 304, body: '{}' }), 'token_malformed'],
    ['an interim status', () => respond({ status: 103, body: '' }), 'token_malformed'],
    ['a status beyond all', () => respond({ status: 600, body: '' }), 'token_malformed'],
    ['a status that is no number of three digits', () => respond({ status: 200.5, body: '' }), 'token_malformed'],
    [
      'content without a type',
      () => signResponse({ status: 200, body: utf8('{}'), request }, { ...vault, now: NOW }),
      'token_malformed',
    ],
    ['a request that was not signed', async () => respond(answer, requestSummary(POST, undefined)), 'token_malformed'],
  ])('%s', async (_name, attempt, code) => {
    await expect(attempt()).rejects.toMatchObject({ code });
  });
});

describe('verifyResponse refuses', () => {
  it.each<[string, (response: PlainResponse) => PlainResponse, string]>([
    ['another status [guard: response-signature]', put({ status: 200 }), 'signature_invalid'],
    ['another body [guard: response-digest]', put({ body: '{"version":4}' }), 'signature_invalid'],
    ['a body taken away', put({ body: '' }), 'token_malformed'],
    ['another type', set({ 'content-type': 'text/html' }), 'signature_invalid'],
    ['no type', drop('content-type'), 'token_malformed'],
    ['no digest', drop('content-digest'), 'token_malformed'],
    ['a digest by SHA-512', edit('content-digest', 'sha-256', 'sha-512'), 'token_malformed'],
    ['Content-Encoding', set({ 'content-encoding': 'gzip' }), 'token_malformed'],
    ['no signature', drop('signature'), 'token_malformed'],
    ['no Signature-Input', drop('signature-input'), 'token_malformed'],
    ['a signature without the request', edit('signature-input', / "@method";req.*"bulla"/, ''), 'token_malformed'],
    ["the request's signature without its key", edit('signature-input', ';key="bulla"', ''), 'token_malformed'],
    ['the tag of a request', edit('signature-input', 'bulla-res-1', 'bulla-req-1'), 'token_malformed'],
    ['an alg parameter', edit('signature-input', ';keyid', ';alg="ed25519";keyid'), 'token_malformed'],
    ['a nonce', edit('signature-input', ';keyid', ';nonce="AAAAAAAAAAAAAAAAAAAAAA";keyid'), 'token_malformed'],
    ['another time', edit('signature-input', `${NOW}`, `${NOW + 1}`), 'signature_invalid'],
    ['a bare thumbprint', edit('signature-input', `${VAULT}#`, ''), 'token_malformed'],
    ['a key nobody lists', edit('signature-input', /#[^"]+/, `#${'A'.repeat(43)}`), 'key_unknown'],
    [
      "the vault's key under another URN [guard: response-service]",
      edit('signature-input', VAULT, RESPONDER),
      'key_unknown',
    ],
    [
      "the vault's key under another organisation",
      edit('signature-input', 'urn:bulla:acme', 'urn:bulla:evil'),
      'key_unknown',
    ],
    [
      'a flipped signature',
      (response) => flipPart(response, 'signature', (text) => text.replace(/:./, text[7] === 'A' ? ':B' : ':A')),
      'signature_invalid',
    ],
  ])('%s', async (_name, change, code) => {
    await expect(verify(answer)).resolves.toBeDefined();
    await expect(verify(change(answer))).rejects.toMatchObject({ code });
  });

  it('the answer to another request with the same target and body', async () => {
    await expect(verify(answer, otherRequest)).rejects.toMatchObject({
      code: 'signature_invalid',
      check: 'response-signature',
    });
  });

  it.each(['method', 'authority', 'path', 'query'] as const)('the answer to another %s', async (part) => {
    const other = { method: 'PUT', authority: 'evil.example', path: '/', query: '?x' };
    await expect(verify(answer, { ...request, [part]: other[part] })).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  it('another service of the organisation, and a device', async () => {
    await expect(verify(await respond(answer, request, responder))).rejects.toMatchObject({ code: 'key_unknown' });
    await expect(verify(await respond(answer, request, device))).rejects.toMatchObject({ code: 'key_unknown' });
    await expect(verify(answer, request, NOW, RESPONDER)).rejects.toMatchObject({
      code: 'key_unknown',
      check: 'response-signature',
    });
  });

  it('the vault that signs under the URN of another service', async () => {
    const disguised = { ...vault, keyid: `${RESPONDER}#${vault.record.kid}` };
    const signed = await respond(answer, request, disguised);
    await expect(verify(signed, request, NOW, RESPONDER)).rejects.toMatchObject({ code: 'key_unknown' });
  });

  it('a key that is out of its time', async () => {
    await expect(verify(answer, request, NOW + 3600)).rejects.toMatchObject({ code: 'key_revoked' });
  });

  it('any flipped bit in any covered part', async () => {
    const fields = Object.keys(answer.headers);
    const targets = ['method', 'authority', 'path', 'query', 'signature'] as const;
    const place = fc.oneof(
      fc.record({ in: fc.constant('response' as const), part: fc.constantFrom('body', ...fields) }),
      fc.record({ in: fc.constant('request' as const), part: fc.constantFrom(...targets) }),
    );
    await fc.assert(
      fc.asyncProperty(place, fc.nat(4095), fc.nat(6), async (at, index, bit) => {
        const flip = (text: string) => flipBit(text, index, bit);
        const to = at.in === 'request' ? { ...request, [at.part]: flip(request[at.part]) } : request;
        const response = at.in === 'request' ? answer : flipPart(answer, at.part, flip);
        await expect(verify(response, to)).rejects.toBeInstanceOf(CryptoError);
      }),
      { numRuns: 1000 },
    );
  });
});

function flipPart(response: PlainResponse, part: string, flip: (text: string) => string): PlainResponse {
  if (part === 'body') return { ...response, body: flip(response.body) };
  return set({ [part]: flip(response.headers[part] ?? '') })(response);
}
