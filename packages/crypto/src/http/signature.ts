import type { Bytes } from '../encoding/bytes.js';
import { decodeBase64url, encodeBase64url, randomBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import {
  componentList,
  encodeSeconds,
  malformed,
  parseKeyid,
  parseSignatureFields,
  SECONDS_PATTERN,
  signatureBase,
  signatureFields,
} from './signature-base.js';
import type { ParsedKeyid } from './signature-base.js';
import type { HttpRequestParts, RequestSummary } from './signature-components.js';
import { carriesBody, requestComponents, summaryOf } from './signature-components.js';
import { checkDigest, encodeContentDigest, parseContentDigest } from './content-digest.js';
import type { VerifyingKey } from '../keys/keys.js';
import { isSignatureOf } from '../keys/keys.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';

/** Which message a request signature is for, so that it is never taken for another. */
export type RequestTag = 'bulla-req-1' | 'bulla-get-1' | 'bulla-enrol-1';

export interface SignRequestOptions {
  /** `urn#kid`, the kid being the signer's. */
  readonly keyid: string;
  readonly signer: Signer;
  /** Seconds. */
  readonly now: number;
  /** base64url of at least 16 bytes; fresh random ones unless given. */
  readonly nonce?: string;
  /** Follows from method and keyid; refused if it is another. */
  readonly tag?: RequestTag;
}

/** A request signature whose shape is checked and which is not verified: nothing in it is true yet. */
export interface RequestSignature {
  /** `urn#kid`, to be matched whole. */
  readonly keyid: string;
  readonly org: string;
  readonly urn: string;
  readonly kid: string;
  /** Seconds. */
  readonly created: number;
  /** Seconds, 1 to 60 after `created`. */
  readonly expires: number;
  readonly nonce: string;
  readonly tag: RequestTag;
  /** base64url SHA-256 of the body by the word of the signer, which is compared with it; undefined without a body. */
  readonly contentDigest: string | undefined;
  /** The signature base: with the signature, the evidence that the caller asked for this. */
  readonly base: Bytes;
  readonly signature: Bytes;
  /** The signature as the byte sequence `:…:`. */
  readonly item: string;
  /** The base as text. */
  readonly text: string;
  /** The base, and right after it the signature. */
  readonly evidence: Bytes;
  readonly request: HttpRequestParts;
}

const LIFE_SECONDS = 60;
const NONCE_MIN_BYTES = 16;
const PARAMETERS = new RegExp(
  `^;created=(?<created>${SECONDS_PATTERN});expires=(?<expires>${SECONDS_PATTERN});nonce="(?<nonce>[A-Za-z0-9_-]{1,86})"` +
    `;keyid="(?<keyid>[!#-\\[\\]-~]{1,256})";tag="(?<tag>[a-z0-9-]{1,32})"$`,
);

/**
 * Signs a request for one minute (protocol.md §5).
 * @returns the fields to add: `content-digest` if there is a body, `signature-input`, `signature`.
 * @throws {CryptoError} token_malformed if the request is not of the profile; key_invalid if keyid is not the signer's
 */
export async function signRequest(
  request: HttpRequestParts,
  options: SignRequestOptions,
): Promise<Record<string, string>> {
  requireSeconds(options.now);
  const keyid = parseKeyid(options.keyid);
  if (keyid.kid !== options.signer.kid)
    throw new CryptoError('key_invalid', 'keyid does not name the key of the signer');
  const nonce = options.nonce ?? encodeBase64url(randomBytes(NONCE_MIN_BYTES));
  checkNonce(nonce);
  const tag = tagOf(request.method, keyid);
  if (options.tag !== undefined && options.tag !== tag)
    throw malformed('the tag is not the one of this method and keyid');
  const digest = carriesBody(request.method) && request.body ? await encodeContentDigest(request.body) : undefined;
  const components = requestComponents(request, digest ?? request.header('content-digest'));
  const times = `created=${encodeSeconds(options.now)};expires=${encodeSeconds(options.now + LIFE_SECONDS)}`;
  const params = `${componentList(components)};${times};nonce="${nonce}";keyid="${options.keyid}";tag="${tag}"`;
  const signature = await options.signer.sign(signatureBase(components, params));
  return { ...(digest !== undefined && { 'content-digest': digest }), ...signatureFields(params, signature) };
}

/**
 * Reads the signature of a request without trusting it: exact shape first, so that no key is looked up for junk.
 * @throws {CryptoError} unauthenticated if the request is not signed at all; token_malformed
 */
export function parseRequestSignature(request: HttpRequestParts): RequestSignature {
  if (request.header('signature') === undefined && request.header('signature-input') === undefined) {
    throw new CryptoError('unauthenticated', 'the request is not signed');
  }
  const digest = request.header('content-digest');
  const components = requestComponents(request, digest);
  const contentDigest = carriesBody(request.method) ? parseContentDigest(digest) : undefined;
  const { parameters, ...signed } = parseSignatureFields(request, components, PARAMETERS);
  const { nonce = '', keyid = '', tag = '' } = parameters;
  const created = Number(parameters['created']);
  const expires = Number(parameters['expires']);
  // guard: http-life
  if (expires <= created || expires - created > LIFE_SECONDS)
    throw malformed('expires is not 1 to 60 seconds after created');
  checkNonce(nonce);
  const holder = parseKeyid(keyid);
  const expected = tagOf(request.method, holder);
  // guard: http-tag
  if (tag !== expected) throw malformed('the tag is not the one of this method and keyid');
  return {
    keyid,
    org: holder.org,
    urn: holder.urn,
    kid: holder.kid,
    created,
    expires,
    nonce,
    tag: expected,
    contentDigest,
    ...signed,
    request,
  };
}

/**
 * Checks body and signature under the key that the directory lists for this keyid, or that an enrolment brings.
 * @returns what a response may be bound to: only a verified request has it, so strangers get nothing signed.
 * @throws {CryptoError} signature_invalid
 */
export async function verifyRequestSignature(parsed: RequestSignature, record: VerifyingKey): Promise<RequestSummary> {
  const { contentDigest, request } = parsed;
  // guard: http-digest
  if (contentDigest !== undefined) await checkDigest(contentDigest, request.body ?? new Uint8Array());
  // guard: http-signature
  if (parsed.kid !== record.kid || !(await isSignatureOf(record, parsed.base, parsed.signature))) {
    throw new CryptoError('signature_invalid', 'the signature of the request is not valid', {
      check: 'request-signature',
    });
  }
  return summaryOf(request, parsed.item);
}

/**
 * Checks that a signature is of this minute. It follows verification, so that the refusal can be signed.
 * @param now seconds. @param skew seconds that the two clocks may differ.
 * @throws {CryptoError} clock_skew
 */
export function checkSignatureTimes(
  parsed: Pick<RequestSignature, 'created' | 'expires'>,
  now: number,
  skew = 60,
): void {
  requireSeconds(now);
  // guard: http-times without: return;
  if (parsed.created <= now + skew && now <= parsed.expires + skew) return;
  throw new CryptoError('clock_skew', 'the signature is not of now', { check: 'request-time' });
}

/** The tag follows from method and keyid: an enrolment's own key signs enrolments and nothing else with a body. */
function tagOf(method: string, keyid: ParsedKeyid): RequestTag {
  if (!carriesBody(method)) return 'bulla-get-1';
  return keyid.kind === 'enr' ? 'bulla-enrol-1' : 'bulla-req-1';
}

function checkNonce(nonce: string): void {
  const bytes = decodeBase64url(nonce).length;
  // guard: http-nonce
  if (bytes < NONCE_MIN_BYTES || bytes > 64) throw malformed('the nonce is not 16 to 64 bytes of base64url');
}
