import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { component as peerComponent, createSignature, createSignatureSync, verifySignature } from 'http-message-sig';
import type { RequestDescriptor, ResponseDescriptor, SignatureComponent, Signer, Verifier } from 'http-message-sig';
import { decodeUtf8, encodeBase64url, randomBytes, utf8 } from '../src/encoding/bytes.js';
import { verifyRequestSignature } from '../src/http/signature.js';
import { isSignatureOf } from '../src/keys/keys.js';
import type { RequestSummary } from '../src/http/signature-components.js';
import { requestSummary } from '../src/http/signature-components.js';
import { signResponse, verifyResponse } from '../src/http/response-signature.js';
import type { Party, PlainRequest } from './messages.js';
import { DEVICE, GET, makeParty, NOW, parse, POST, signPlain, VAULT, withHeaders } from './messages.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** The same message for http-message-sig, an independent implementation of RFC 9421. */
function peerRequest({ method, authority, path, query, headers }: PlainRequest): RequestDescriptor {
  const targetUri = `https://${authority}${path}${query === '?' ? '' : query}`;
  return {
    kind: 'request',
    method,
    targetUri,
    fields: Object.entries(headers).map(([name, value]) => ({ name, value })),
  };
}

const peerSigner = ({ signer }: Party): Signer => ({
  algorithm: signer.alg,
  sign: async (base) => signer.sign(Uint8Array.from(base)),
});
const peerVerifier = ({ record }: Party): Verifier => ({
  algorithm: record.alg,
  verify: async (base, signature) => isSignatureOf(record, base as Bytes, signature as Bytes),
});

async function verifyByPeer(message: RequestDescriptor | ResponseDescriptor, party: Party): Promise<string> {
  const { parameters } = await verifySignature(message, {
    label: 'bulla',
    policy: {
      algorithms: [party.record.alg],
      requiredComponents: ['@method'].slice(message.kind === 'request' ? 0 : 1),
      requiredParameters: ['created', 'keyid', 'tag'],
      now: NOW,
      clockSkew: 60,
    },
    resolveVerifier: () => peerVerifier(party),
  });
  return parameters.keyid ?? '';
}

const TARGET = ['@method', '@authority', '@path', '@query'];
const BODY = ['content-type', 'content-digest', 'idempotency-key'];
const CONDITIONAL = ['if-match', 'prefer', 'last-event-id'];

function peerComponents(request: PlainRequest): string[] {
  return [
    ...TARGET,
    ...(request.body === undefined ? [] : BODY),
    ...CONDITIONAL.filter((name) => name in request.headers),
  ];
}

function peerParameters(party: Party, tag: string) {
  return { created: NOW, expires: NOW + 60, nonce: encodeBase64url(randomBytes(16)), keyid: party.keyid, tag };
}

/** The signature base as the peer builds it. */
function peerBase(
  message: RequestDescriptor | ResponseDescriptor,
  components: readonly SignatureComponent[],
  parameters: Record<string, string | number>,
): string {
  let base = '';
  const signer = {
    algorithm: 'none',
    sign: (bytes: Uint8Array) => {
      base = decodeUtf8(bytes);
      return new Uint8Array(1);
    },
  };
  createSignatureSync(message, { label: 'bulla', components, parameters, signer });
  return base;
}

let device: Party;
let vault: Party;

beforeAll(async () => {
  device = await makeParty(DEVICE, 'rsa2048');
  vault = await makeParty(VAULT);
});

describe('http-message-sig and the request profile', () => {
  const requests: [string, PlainRequest][] = [
    ['POST', POST],
    ['PUT with If-Match', withHeaders({ ...POST, method: 'PUT' }, { 'if-match': '"3"', prefer: 'wait=1' })],
    ['GET', GET],
    ['DELETE with a query', withHeaders({ ...GET, method: 'DELETE', query: '?a=%2F&b' }, { 'if-match': '"3"' })],
  ];

  it.each(requests)('the peer verifies ours: %s', async (_name, request) => {
    await expect(verifyByPeer(peerRequest(await signPlain(request, device)), device)).resolves.toBe(device.keyid);
  });

  it.each(requests)("we verify the peer's: %s", async (_name, request) => {
    // The peer does not make a Content-Digest, so ours is taken.
    const { 'content-digest': digest } = (await signPlain(request, device)).headers;
    const withDigest = withHeaders(request, { 'content-digest': digest });
    const tag = request.body === undefined ? 'bulla-get-1' : 'bulla-req-1';
    const { signature, signatureInput } = await createSignature(peerRequest(withDigest), {
      label: 'bulla',
      components: peerComponents(withDigest),
      parameters: peerParameters(device, tag),
      signer: peerSigner(device),
    });
    const signed = withHeaders(withDigest, { signature, 'signature-input': signatureInput });
    await expect(verifyRequestSignature(parse(signed), device.record)).resolves.toMatchObject({
      method: request.method,
    });
  });

  it('the peer refuses ours once the path is another', async () => {
    const signed = await signPlain(POST, device);
    await expect(verifyByPeer(peerRequest({ ...signed, path: '/other' }), device)).rejects.toMatchObject({
      code: 'VerificationFailed',
    });
  });

  it('both build the same base of any target and fields', async () => {
    const visible = (characters: string, maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...characters.split('')), maxLength });
    const PCHAR = "abcXYZ019-._~!$&'()*+,;=:@/%|^";
    const value = visible('abc XYZ09"=,;:@/()', 20).map((text) => `a${text}b`);
    const request = fc.record({
      method: fc.constantFrom('POST', 'PUT', 'PATCH'),
      authority: fc.constantFrom('vault.example', 'vault.example:4100', '127.0.0.1:80', '[::1]:4100'),
      path: visible(PCHAR, 30).map((text) => `/${text}`),
      query: visible(`${PCHAR}?[]`, 30).map((text) => `?${text}`),
      body: fc.string({ minLength: 1 }),
      headers: fc.record(
        { 'content-type': value, 'idempotency-key': value, 'if-match': value, prefer: value, 'last-event-id': value },
        { requiredKeys: ['content-type', 'idempotency-key'] },
      ),
    }) as fc.Arbitrary<PlainRequest>;
    await fc.assert(
      fc.asyncProperty(request, async (plain) => {
        const signed = await signPlain(plain, vault);
        const { base, nonce, tag } = parse(signed);
        const parameters = { ...peerParameters(vault, tag), nonce };
        expect(decodeUtf8(base)).toBe(peerBase(peerRequest(signed), peerComponents(signed), parameters));
      }),
      { numRuns: 300 },
    );
  });
});

describe('http-message-sig and the response profile', () => {
  const components = [
    '@status',
    'content-type',
    'content-digest',
    ...TARGET.map((name) => peerComponent(name, { req: true })),
    peerComponent('signature', { req: true, key: 'bulla' }),
  ];
  const trust = () => ({ requireKey: () => ({ urn: VAULT, record: vault.record }) });
  let request: PlainRequest;
  let summary: RequestSummary;

  beforeAll(async () => {
    request = await signPlain(POST, device);
    summary = requestSummary(request, request.headers['signature']);
  });

  const peerResponse = (headers: Readonly<Record<string, string>>): ResponseDescriptor => ({
    kind: 'response',
    status: 201,
    fields: Object.entries(headers).map(([name, value]) => ({ name, value })),
    request: peerRequest(request),
  });

  it('the peer verifies ours, and refuses it for another request', async () => {
    const added = await signResponse(
      { status: 201, contentType: 'application/json', body: utf8('{}'), request: summary },
      { ...vault, now: NOW },
    );
    const response = peerResponse({ 'content-type': 'application/json', ...added });
    await expect(verifyByPeer(response, vault)).resolves.toBe(vault.keyid);
    const other = { ...response, request: peerRequest(await signPlain(POST, device)) };
    await expect(verifyByPeer(other, vault)).rejects.toMatchObject({ code: 'VerificationFailed' });
  });

  it("we verify the peer's", async () => {
    const digest = 'sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:';
    const headers: Record<string, string> = { 'content-type': 'application/json', 'content-digest': digest };
    const { signature, signatureInput } = await createSignature(peerResponse(headers), {
      label: 'bulla',
      components,
      parameters: { created: NOW, keyid: vault.keyid, tag: 'bulla-res-1' },
      signer: peerSigner(vault),
    });
    const fields: Record<string, string> = { ...headers, signature, 'signature-input': signatureInput };
    const response = { status: 201, header: (name: string) => fields[name], body: utf8('{}') };
    const options = { trust: trust(), now: NOW, expectedUrn: VAULT };
    await expect(verifyResponse(response, summary, options)).resolves.toEqual({ keyid: vault.keyid, created: NOW });
  });
});

describe('the profile is stricter than the peer', () => {
  const accepted: [string, (input: string) => string, readonly SignatureComponent[]][] = [
    ['white space in the list', (input) => input.replace('("@method" ', '( "@method"  '), peerComponents(GET)],
    ['a component more than the profile has', (input) => input, [...peerComponents(GET), 'accept']],
    ['another order', (input) => input, peerComponents(GET).toReversed()],
    ['no @query', (input) => input, ['@method', '@authority', '@path']],
  ];

  it.each(accepted)('%s: good for the peer, refused by the profile', async (_name, spell, components) => {
    const { signature, signatureInput } = await createSignature(peerRequest(GET), {
      label: 'bulla',
      components,
      parameters: peerParameters(device, 'bulla-get-1'),
      signer: peerSigner(device),
    });
    const signed = withHeaders(GET, { signature, 'signature-input': spell(signatureInput) });
    await expect(verifyByPeer(peerRequest(signed), device)).resolves.toBe(device.keyid);
    expect(() => parse(signed)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
  });
});
