import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeUtf8, utf8 } from '../src/encoding/bytes.js';
import { parseRequestSignature, signRequest, verifyRequestSignature } from '../src/http/signature.js';
import type { RequestSummary } from '../src/http/signature-components.js';
import { signResponse, verifyResponse } from '../src/http/response-signature.js';
import type { KeyRecord } from '../src/keys/keys.js';
import type { Signer } from '../src/keys/signer.js';
import { loadSigner } from '../src/keys/signer.js';
import type { PlainRequest } from './messages.js';
import { partsOf, withHeaders } from './messages.js';
import { readVectors } from './vectors.js';
import type { PrivateJwk } from '../src/keys/suites.js';
import { publicJwkOf } from '../src/keys/suites.js';

interface Golden {
  readonly privateJwk: PrivateJwk;
  readonly now: number;
  readonly nonce: string;
  readonly requests: readonly {
    readonly name: string;
    readonly keyid: string;
    readonly request: PlainRequest;
    readonly added: Readonly<Record<string, string>>;
    readonly base: string;
  }[];
  readonly responses: readonly {
    readonly name: string;
    readonly keyid: string;
    readonly response: { readonly status: number; readonly contentType?: string; readonly body?: string };
    readonly added: Readonly<Record<string, string>>;
  }[];
}

const golden = readVectors('golden/http-signature.json') as Golden;
const { now, nonce } = golden;
let signer: Signer;
let record: KeyRecord;

beforeAll(async () => {
  signer = await loadSigner(golden.privateJwk, 'Ed25519');
  record = { kid: signer.kid, use: 'sig', alg: 'Ed25519', jwk: publicJwkOf(golden.privateJwk) } as KeyRecord;
});

describe('golden requests', () => {
  it.each(golden.requests)('$name: signed to the same bytes, and verified', async ({ request, keyid, added, base }) => {
    await expect(signRequest(partsOf(request), { keyid, signer, now, nonce })).resolves.toEqual(added);
    const parsed = parseRequestSignature(partsOf(withHeaders(request, added)));
    expect(decodeUtf8(parsed.base)).toBe(base);
    await expect(verifyRequestSignature(parsed, record)).resolves.toMatchObject({ path: request.path });
  });
});

describe('golden responses, to the first request', () => {
  let request: RequestSummary;

  beforeAll(async () => {
    const [first] = golden.requests;
    if (first === undefined) throw new Error('no request');
    request = await verifyRequestSignature(
      parseRequestSignature(partsOf(withHeaders(first.request, first.added))),
      record,
    );
  });

  it.each(golden.responses)('$name: signed to the same bytes, and verified', async ({ response, keyid, added }) => {
    const { status, contentType, body } = response;
    const content = body === undefined ? {} : { body: utf8(body) };
    const type = contentType === undefined ? {} : { contentType };
    await expect(signResponse({ status, ...type, ...content, request }, { keyid, signer, now })).resolves.toEqual(
      added,
    );
    const urn = keyid.slice(0, keyid.indexOf('#'));
    const header = (name: string) => (name === 'content-type' ? contentType : added[name]);
    const options = { trust: { requireKey: () => ({ urn, record }) }, now, expectedUrn: urn };
    await expect(verifyResponse({ status, header, ...content }, request, options)).resolves.toEqual({
      keyid,
      created: now,
    });
  });
});

describe('docs/spec/http-signature.md', () => {
  const page = readFileSync(new URL('../../../docs/spec/http-signature.md', import.meta.url), 'utf8');

  it('shows the first golden request, its signature base and the first golden response', () => {
    const [request] = golden.requests;
    const [response] = golden.responses;
    expect(page).toContain(`Signature-Input: ${request?.added['signature-input']}\n`);
    expect(page).toContain(`Signature: ${request?.added['signature']}\n`);
    expect(page).toContain(`Content-Digest: ${request?.added['content-digest']}\n`);
    expect(page).toContain(`\`\`\`\n${request?.base}\n\`\`\``);
    expect(page).toContain(`Signature-Input: ${response?.added['signature-input']}\n`);
  });
});
