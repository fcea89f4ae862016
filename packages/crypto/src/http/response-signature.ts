import type { Bytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { Component, HeaderSource } from './signature-base.js';
import {
  component,
  componentList,
  encodeSeconds,
  fieldComponent,
  malformed,
  parseKeyid,
  parseSignatureFields,
  SECONDS_PATTERN,
  signatureBase,
  signatureFields,
} from './signature-base.js';
import type { RequestSummary } from './signature-components.js';
import { targetComponents } from './signature-components.js';
import { checkDigest, encodeContentDigest, parseContentDigest } from './content-digest.js';
import type { KeyRecord } from '../keys/keys.js';
import { isSignatureOf } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';

export interface ResponseToSign {
  readonly status: number;
  /** Content-Type of the body; unused without one. */
  readonly contentType?: string;
  readonly body?: Bytes;
  /** From the verified request that this answers. */
  readonly request: RequestSummary;
}

export interface HttpResponseParts extends HeaderSource {
  readonly status: number;
  /** The raw bytes. */
  readonly body?: Bytes;
}

/** The part of a verified organisation's trust that says whose key this is and whether it is usable now. */
export interface ResponseTrust {
  requireKey(
    kid: string,
    use: { usage: 'http'; purpose: 'http'; now: number; check: string },
  ): { readonly urn: string; readonly record: KeyRecord };
}

export interface VerifyResponseOptions {
  readonly trust: ResponseTrust;
  /** Seconds; judges the key, not the response: its freshness is the nonce of the request it is bound to. */
  readonly now: number;
  /** URN of the service that was asked. */
  readonly expectedUrn: string;
}

export interface VerifiedResponse {
  readonly keyid: string;
  /** The signer's clock in seconds, to be shown beside one's own and never taken over. */
  readonly created: number;
}

const CHECK = 'response-signature';
const PARAMETERS = new RegExp(
  `^;created=(?<created>${SECONDS_PATTERN});keyid="(?<keyid>[!#-\\[\\]-~]{1,256})";tag="bulla-res-1"$`,
);

/**
 * Signs the response to a verified request (protocol.md §5, tag `bulla-res-1`).
 * @returns the fields to add: `content-digest` if there is a body, `signature-input`, `signature`.
 * @throws {CryptoError} token_malformed if the response is not of the profile; key_invalid if keyid is not the signer's
 */
export async function signResponse(
  response: ResponseToSign,
  options: { readonly keyid: string; readonly signer: Signer; readonly now: number },
): Promise<Record<string, string>> {
  requireSeconds(options.now);
  if (parseKeyid(options.keyid).kid !== options.signer.kid)
    throw new CryptoError('key_invalid', 'keyid does not name the key of the signer');
  const digest = hasContent(response) ? await encodeContentDigest(response.body) : undefined;
  const fields = new Map([
    ['content-type', response.contentType],
    ['content-digest', digest],
  ]);
  const components = responseComponents({ ...response, header: (name) => fields.get(name) }, response.request);
  const params = `${componentList(components)};created=${encodeSeconds(options.now)};keyid="${options.keyid}";tag="bulla-res-1"`;
  const signature = await options.signer.sign(signatureBase(components, params));
  return { ...(digest !== undefined && { 'content-digest': digest }), ...signatureFields(params, signature) };
}

/**
 * Checks that a response is the expected service's answer to this very request.
 * @throws {CryptoError} token_malformed (also when it is not signed), key_unknown, key_revoked, suite_unknown,
 *   signature_invalid
 */
export async function verifyResponse(
  response: HttpResponseParts,
  request: RequestSummary,
  options: VerifyResponseOptions,
): Promise<VerifiedResponse> {
  requireSeconds(options.now);
  const components = responseComponents(response, request);
  const { parameters, base, signature } = parseSignatureFields(response, components, PARAMETERS);
  const { keyid = '' } = parameters;
  const { urn, kid } = parseKeyid(keyid);
  const holder = options.trust.requireKey(kid, { usage: 'http', purpose: 'http', now: options.now, check: CHECK });
  // guard: response-service
  if (urn !== options.expectedUrn || holder.urn !== urn) {
    throw new CryptoError('key_unknown', 'the response is signed by another than the expected service', {
      check: CHECK,
    });
  }
  // guard: response-digest
  if (hasContent(response)) await checkDigest(parseContentDigest(response.header('content-digest')), response.body);
  // guard: response-signature
  if (!(await isSignatureOf(holder.record, base, signature))) {
    throw new CryptoError('signature_invalid', 'the signature of the response is not valid', { check: CHECK });
  }
  return { keyid, created: Number(parameters['created']) };
}

/** The components a response signature covers: its own, then those of the request, then the request's signature. */
function responseComponents(response: HttpResponseParts, request: RequestSummary): Component[] {
  const { status } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) throw malformed('not a final status');
  if (response.header('content-encoding') !== undefined) throw malformed('Content-Encoding is not allowed');
  const withContent = hasContent(response);
  if (withContent && (status === 204 || status === 304 || request.method === 'HEAD'))
    throw malformed('this response has no content');
  // guard: response-request without:
  //   const shown = withContent ? ['content-type', 'content-digest'] : [];
  //   return [component('@status', String(status)), ...shown.map((name) => fieldComponent(response, name))];
  return [
    component('@status', String(status)),
    ...(withContent ? ['content-type', 'content-digest'].map((name) => fieldComponent(response, name)) : []),
    ...targetComponents(request, ';req'),
    component('signature', request.signature, ';req;key="bulla"'),
  ];
}

function hasContent<T extends { readonly body?: Bytes }>(message: T): message is T & { readonly body: Bytes } {
  return message.body !== undefined && message.body.length > 0;
}
