import type { Bytes } from '../encoding/bytes.js';
import type { Component, HeaderSource } from './signature-base.js';
import { component, fieldComponent, malformed, signatureItem } from './signature-base.js';

/** Where a request goes, as both sides sign it. */
export interface RequestTarget {
  /** Upper case: GET HEAD DELETE POST PUT PATCH. */
  readonly method: string;
  /** Lower case, without the scheme's default port: {@link normalizeAuthority}. A verifier passes a configured one, never a received Host as such. */
  readonly authority: string;
  /** As sent, from `/` to before the query. */
  readonly path: string;
  /** As sent, from `?` on; `?` alone without a query (RFC 9421 §2.2.7). */
  readonly query: string;
}

export interface HttpRequestParts extends RequestTarget, HeaderSource {
  /** The raw bytes, before any decoding. */
  readonly body?: Bytes;
}

/** What a response is bound to: the target of its request and that request's signature. */
export interface RequestSummary extends RequestTarget {
  /** The byte sequence `:…:` of label `bulla` in the request's Signature field. */
  readonly signature: string;
}

const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);
const BODY_FIELDS = ['content-type', 'content-digest', 'idempotency-key'] as const;
/** Fields that change what a request means: covered whenever they are sent. */
const CONDITIONAL_FIELDS = ['if-match', 'prefer', 'last-event-id'] as const;
const AUTHORITY = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;
/** Visible ASCII without `?` and `#`. */
const PATH = /^\/[!"$->@-~]*$/;
/** Visible ASCII without `#`. */
const QUERY = /^\?[!"$-~]*$/;

/** Whether requests of this method carry a body. @throws {CryptoError} token_malformed for a method the profile does not have */
export function carriesBody(method: string): boolean {
  if (WITH_BODY.has(method)) return true;
  if (WITHOUT_BODY.has(method)) return false;
  throw malformed('the profile does not have this method');
}

/**
 * The components a request signature covers, no more and no fewer, in this order.
 * @param contentDigest the Content-Digest field, received or about to be sent.
 * @throws {CryptoError} token_malformed if the request is not of the profile
 */
export function requestComponents(request: HttpRequestParts, contentDigest: string | undefined): Component[] {
  const fields: HeaderSource = { header: (name) => (name === 'content-digest' ? contentDigest : request.header(name)) };
  // guard: http-encoding
  if (fields.header('content-encoding') !== undefined) throw malformed('Content-Encoding is not allowed');
  const withBody = carriesBody(request.method);
  // guard: http-body
  if (withBody !== (request.body !== undefined && request.body.length > 0))
    throw malformed('POST, PUT and PATCH have a body, other methods have none');
  // guard: http-bodyless
  if (!withBody) checkBodyless(fields);
  return [
    ...targetComponents(request),
    ...(withBody ? BODY_FIELDS.map((name) => fieldComponent(fields, name)) : []),
    ...CONDITIONAL_FIELDS.filter((name) => fields.header(name) !== undefined).map((name) =>
      fieldComponent(fields, name),
    ), // guard: http-conditional
  ];
}

/** `@method @authority @path @query`, in a response with the parameter `;req`. @throws {CryptoError} token_malformed */
export function targetComponents(target: RequestTarget, parameters: '' | ';req' = ''): Component[] {
  // guard: http-authority
  if (!AUTHORITY.test(target.authority))
    throw malformed('the authority is not a lower-case host with an optional port');
  // guard: http-target
  if (!PATH.test(target.path) || !QUERY.test(target.query))
    throw malformed('the request target is not a path and a query');
  return [
    component('@method', target.method, parameters),
    component('@authority', target.authority, parameters),
    component('@path', target.path, parameters),
    component('@query', target.query, parameters),
  ];
}

/**
 * What the response to a signed request must be bound to.
 * @param signatureField the Signature field that was sent with it.
 * @throws {CryptoError} token_malformed
 */
export function requestSummary(target: RequestTarget, signatureField: string | undefined): RequestSummary {
  return summaryOf(target, signatureItem(signatureField));
}

/** The same of a signature that was read: the byte sequence `:…:` of its field. */
export function summaryOf({ method, authority, path, query }: RequestTarget, signature: string): RequestSummary {
  return { method, authority, path, query, signature };
}

/**
 * An authority as it is signed: lower case, without the scheme's default port (RFC 9421 §2.2.3).
 * @throws {CryptoError} token_malformed if it is no host with an optional port
 */
export function normalizeAuthority(authority: string, scheme: 'http' | 'https'): string {
  const lower = authority.toLowerCase();
  if (!AUTHORITY.test(lower)) throw malformed('not a host with an optional port');
  const defaultPort = scheme === 'https' ? ':443' : ':80';
  return lower.endsWith(defaultPort) ? lower.slice(0, -defaultPort.length) : lower;
}

/** The target of a request to this absolute URL, as the platform's fetch sends it. */
export function requestTargetOf(method: string, url: URL): RequestTarget {
  return { method, authority: url.host, path: url.pathname, query: url.search === '' ? '?' : url.search };
}

/** A server may drop the body of a GET before we see it, so its traces in the header are refused too. */
function checkBodyless(fields: HeaderSource): void {
  const sent = ['transfer-encoding', ...BODY_FIELDS].some((name) => fields.header(name) !== undefined);
  if (sent || (fields.header('content-length') ?? '0') !== '0')
    throw malformed('GET, HEAD and DELETE have no body and no body fields');
}
