import { utf8 } from '../src/encoding/bytes.js';
import type { RequestSignature, SignRequestOptions } from '../src/http/signature.js';
import { parseRequestSignature, signRequest } from '../src/http/signature.js';
import type { HttpRequestParts } from '../src/http/signature-components.js';
import type { KeyRecord } from '../src/keys/keys.js';
import type { Signer } from '../src/keys/signer.js';
import { generateKeyPair, loadSigner } from '../src/keys/signer.js';
import type { SuiteId } from '../src/keys/suites.js';

export const NOW = 1_795_560_000;
export const DEVICE = 'urn:bulla:acme:dev:dev_01kaw7g0f8e5tte8wk4s7qyxv1';
export const ENROLMENT = 'urn:bulla:acme:enr:enr_01kaw7g0f8e5tte8wk4s7qyxv2';
export const VAULT = 'urn:bulla:acme:svc:vault';

/** Somebody who signs HTTP messages. */
export interface Party {
  readonly keyid: string;
  readonly signer: Signer;
  readonly record: KeyRecord;
}

export async function makeParty(urn: string, suite: SuiteId = 'ed25519'): Promise<Party> {
  const pair = await generateKeyPair(suite, 'sig');
  const alg = pair.alg as Signer['alg'];
  const signer = await loadSigner(pair.privateJwk, alg);
  const times = { nbf: NOW - 60, use_until: NOW + 3600, end: NOW + 7200 };
  const record: KeyRecord = { kid: pair.kid, use: 'sig', alg, suite, pur: ['http'], jwk: pair.publicJwk, ...times };
  return { keyid: `${urn}#${pair.kid}`, signer, record };
}

/** A request as plain data, so that a case can change any of it. */
export interface PlainRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const POST: PlainRequest = {
  method: 'POST',
  authority: 'vault.acme.example',
  path: '/api/v1/envelopes',
  query: '?dry=1&x=a%20b',
  headers: { 'content-type': 'application/json', 'idempotency-key': '0b9fe0c2-5a0f-4b0e-8d3c-1f6a2b7c9d10' },
  body: '{"name":"claims/triage"}',
};

export const GET: PlainRequest = {
  method: 'GET',
  authority: 'vault.acme.example:4100',
  path: '/api/v1/prompts',
  query: '?',
  headers: { accept: 'application/json' },
};

/** The request as the code under test takes it. */
export function partsOf({ headers, body, ...target }: PlainRequest): HttpRequestParts {
  return {
    ...target,
    header: (name) => headers[name],
    ...(body !== undefined && { body: utf8(body) }),
  };
}

/** The request with more headers; undefined takes one away. */
export function withHeaders(request: PlainRequest, more: Readonly<Record<string, string | undefined>>): PlainRequest {
  const headers = Object.entries({ ...request.headers, ...more }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { ...request, headers: Object.fromEntries(headers) };
}

/** The request with its signature. */
export async function signPlain(
  request: PlainRequest,
  party: Party,
  more: Partial<SignRequestOptions> = {},
): Promise<PlainRequest> {
  return withHeaders(request, await signRequest(partsOf(request), { ...party, now: NOW, ...more }));
}

export function parse(request: PlainRequest): RequestSignature {
  return parseRequestSignature(partsOf(request));
}

/** A change to a request in one respect. */
export type Change = (request: PlainRequest) => PlainRequest;

/** Changes the text of a field; what is to be changed must be there. */
export function edit(name: string, from: string | RegExp, to: string): Change {
  return (request) => {
    const before = request.headers[name] ?? '';
    const after = before.replace(from, to);
    if (after === before) throw new Error(`nothing to edit in ${name}`);
    return withHeaders(request, { [name]: after });
  };
}

/** {@link edit} of Signature-Input. */
export function input(from: string | RegExp, to: string): Change {
  return edit('signature-input', from, to);
}

export function set(headers: Readonly<Record<string, string | undefined>>): Change {
  return (request) => withHeaders(request, headers);
}

export function put(more: Partial<PlainRequest>): Change {
  return (request) => ({ ...request, ...more });
}

/** The text with one bit of one character changed; `at` and `bit` may be any natural numbers. */
export function flipBit(text: string, at: number, bit: number): string {
  const index = at % text.length;
  const changed = String.fromCharCode(text.charCodeAt(index) ^ (1 << (bit % 7)));
  return text.slice(0, index) + changed + text.slice(index + 1);
}
