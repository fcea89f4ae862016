import { decodeBase64, encodeBase64 } from '../encoding/base64.js';
import type { Bytes } from '../encoding/bytes.js';
import { encodeInto, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { ParsedUrn } from '../names/ids.js';
import { parseUrn } from '../names/ids.js';

/**
 * What RFC 9421 leaves when the covered components, their order and the parameters are fixed: one label, one list,
 * one spelling. The list is computed from the message and compared with the received one as text, so nothing that
 * a sender writes chooses what is verified (docs/spec/http-signature.md).
 */

/** Reads one header field: all its lines joined with ", " (RFC 9421 §2.1), undefined when it was not sent. */
export interface HeaderSource {
  header(name: string): string | undefined;
}

/** A covered component (RFC 9421 §2). */
export interface Component {
  /** As it stands in Signature-Input: `"@method"`, `"signature";req;key="bulla"`. */
  readonly identifier: string;
  readonly value: string;
}

const LABEL = 'bulla';
/** A time in seconds as an sf-integer in its one spelling; for parameter patterns. */
export const SECONDS_PATTERN = '0|[1-9][0-9]{0,11}';
/** Visible ASCII and inner spaces, not empty: a line break in a value would forge a component. */
const FIELD_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** The component list up to its first `)`, then the parameters; no value of the list holds a `)`. */
const INPUT_MEMBER = new RegExp(`^${LABEL}=(\\([^)]*\\))(;.*)$`);
const SIGNATURE_MEMBER = new RegExp(`^${LABEL}=(:[A-Za-z0-9+/=]{1,684}:)$`);

/** The covered component of a header field. @throws {CryptoError} token_malformed if it is absent, empty or not ASCII */
export function fieldComponent(source: HeaderSource, name: string): Component {
  return component(name, source.header(name) ?? '');
}

/** A covered component with a checked value. @throws {CryptoError} token_malformed */
export function component(name: string, value: string, parameters = ''): Component {
  // guard: http-field
  if (!FIELD_VALUE.test(value)) throw malformed(`"${name}" is missing or not plain ASCII`);
  return { identifier: `"${name}"${parameters}`, value };
}

/** `("@method" "@authority" …)`. */
export function componentList(components: readonly Component[]): string {
  let list = '';
  for (const { identifier } of components) list += list === '' ? identifier : ` ${identifier}`;
  return `(${list})`;
}

/**
 * The signature base (RFC 9421 §2.5).
 * @param params the value of the label in Signature-Input: component list and parameters.
 */
export function signatureBase(components: readonly Component[], params: string): Bytes {
  return utf8(baseText(components, params));
}

function baseText(components: readonly Component[], params: string): string {
  let lines = '';
  for (const { identifier, value } of components) lines += `${identifier}: ${value}\n`;
  return `${lines}"@signature-params": ${params}`;
}

/** The two fields that carry a signature. */
export function signatureFields(params: string, signature: Bytes): { 'signature-input': string; signature: string } {
  return { 'signature-input': `${LABEL}=${params}`, signature: `${LABEL}=${encodeByteSequence(signature)}` };
}

/** A time as a signature parameter. @throws {CryptoError} token_malformed */
export function encodeSeconds(seconds: number): string {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > 999_999_999_999)
    throw malformed('not a time in whole seconds');
  return String(seconds);
}

export interface ReceivedSignature {
  /** Named groups of the profile's parameter pattern. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly base: Bytes;
  readonly signature: Bytes;
  /** The signature as the byte sequence `:…:`. */
  readonly item: string;
  /** The base as text, which is ASCII. */
  readonly text: string;
  /** The base, and right after it the signature: the bytes by whose hash both are known later. */
  readonly evidence: Bytes;
}

/**
 * Reads the signature of a message whose components are known.
 * @param pattern the profile's parameters from the first `;` to the end, each a named group.
 * @throws {CryptoError} token_malformed
 */
export function parseSignatureFields(
  source: HeaderSource,
  components: readonly Component[],
  pattern: RegExp,
): ReceivedSignature {
  const [, list = '', rest = ''] = INPUT_MEMBER.exec(source.header('signature-input') ?? '') ?? [];
  if (list === '') throw malformed('Signature-Input is not one member "bulla" with parameters');
  // guard: http-components
  if (list !== componentList(components)) throw malformed('the covered components are not those of the profile');
  const parameters = pattern.exec(rest)?.groups;
  if (parameters === undefined) throw malformed('the signature parameters are not those of the profile');
  const item = signatureItem(source.header('signature'));
  const signature = decodeByteSequence(item);
  const text = baseText(components, `${list}${rest}`);
  const evidence = new Uint8Array(text.length + signature.length);
  evidence.set(signature, encodeInto(text, evidence));
  return { parameters, base: evidence.subarray(0, text.length), signature, item, text, evidence };
}

/** The byte sequence `:…:` of label `bulla` in a Signature field. @throws {CryptoError} token_malformed */
export function signatureItem(field: string | undefined): string {
  const item = SIGNATURE_MEMBER.exec(field ?? '')?.[1];
  if (item === undefined) throw malformed('Signature is not one member "bulla"');
  return item;
}

export interface ParsedKeyid extends ParsedUrn {
  readonly urn: string;
  readonly kid: string;
}

/**
 * Reads a keyid `urn#kid`: who signs, and with which key. A bare thumbprint says neither and is refused.
 * @throws {CryptoError} token_malformed
 */
export function parseKeyid(keyid: string): ParsedKeyid {
  const [, urn = '', kid = ''] = /^([^#]+)#([A-Za-z0-9_-]{43})$/.exec(keyid) ?? [];
  const parsed = parseUrn(urn);
  // guard: http-keyid
  if (parsed === undefined || !['dev', 'svc', 'enr'].includes(parsed.kind)) {
    throw malformed('keyid is not the URN of a device, service or enrolment and a key thumbprint');
  }
  return { ...parsed, urn, kid };
}

/** A structured-field byte sequence (RFC 9651 §3.3.5): base64 between colons. */
export function encodeByteSequence(bytes: Uint8Array): string {
  return `:${encodeBase64(bytes)}:`;
}

/** The bytes of a byte sequence in its one canonical spelling: padded, unused bits zero. @throws {CryptoError} token_malformed */
export function decodeByteSequence(item: string): Bytes {
  const [, base64] = /^:([^:]*):$/.exec(item) ?? [];
  if (base64 === undefined) throw malformed('not a canonical byte sequence');
  return decodeBase64(base64);
}

export function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
