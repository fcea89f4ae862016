import { flattenedVerify } from 'jose';
import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { decodeBase64url, digestB64u, encodeBase64url, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { kidSchema, publicKeyOf } from '../keys/keys.js';
import { checkShape } from '../encoding/schema.js';
import type { Signer } from '../keys/signer.js';
import { strictParse } from '../encoding/strict-parse.js';
import type { PublicJwk, SignAlg } from '../keys/suites.js';
import { SIGN_ALGS } from '../keys/suites.js';

/**
 * The mechanism under root, policy and directory: a payload signed by several keys, as JWS in the general
 * JSON serialisation (RFC 7515 §7.2.1). Each signature is verified by itself and distinct keys are counted:
 * jose's generalVerify passes on any one good signature (protocol.md §2.7, §4).
 */
export interface DocumentFormat<Payload> {
  /** Exact value of the payload's `_type`; the protected headers' `typ` is this with `+jws`. */
  readonly type: DocumentType;
  readonly payload: z.ZodMiniType<Payload>;
  /** Largest payload in bytes. */
  readonly maxBytes: number;
}

export type DocumentType = 'bulla-root' | 'bulla-policy' | 'bulla-directory';

/** What all three types have in common. */
export interface DocumentPayload {
  readonly _type: DocumentType;
  readonly [member: string]: unknown;
}

/** A document whose shape is checked and whose signatures are not. */
export interface ParsedDocument<Payload> {
  readonly token: string;
  /** The payload as it stands in the token: what the signatures cover. */
  readonly encoded: string;
  readonly payload: Payload;
  /** base64url SHA-256 of the payload bytes. */
  readonly hash: string;
  readonly signatures: readonly DocumentSignature[];
}

export interface DocumentSignature {
  readonly kid: string;
  readonly alg: SignAlg;
  /** The protected header as it stands in the token. */
  readonly protected: string;
  /** base64url. */
  readonly signature: string;
}

/** A key that signs documents, as root lists it. */
export interface DocumentKey {
  readonly jwk: PublicJwk;
  readonly alg: SignAlg;
}

/** Which keys may sign one type of document, and how many of them must. */
export interface DocumentRole {
  readonly kids: readonly string[];
  readonly threshold: number;
}

/** Largest payload of any document: 4 MiB (protocol.md §2.1). */
export const DOCUMENT_MAX_BYTES = 4 * 1024 * 1024;
const SIGNATURES_MAX = 32;
/** Room for 32 signatures of at most 512 bytes with their headers. */
const SIGNATURES_MAX_BYTES = SIGNATURES_MAX * 1024;
const HEADER_MAX_BYTES = 256;

const signaturesSchema = z
  .array(z.strictObject({ protected: z.string(), signature: z.string().check(z.maxLength(683)) }))
  .check(z.maxLength(SIGNATURES_MAX));
const outerSchema = z.strictObject({ payload: z.string(), signatures: signaturesSchema.check(z.minLength(1)) });
/** Of a document that is on its way to its signers. */
const proposedSchema = z.strictObject({ payload: z.string(), signatures: signaturesSchema });

/** Whether a document counts by its signatures, or is on its way to its signers and may have none yet. */
export type DocumentStage = 'signed' | 'proposed';
const headerSchema = z.strictObject({ alg: z.enum(SIGN_ALGS), typ: z.string(), kid: kidSchema });
const typedSchema = z.looseObject({ _type: z.enum(['bulla-root', 'bulla-policy', 'bulla-directory']) });

/**
 * Reads a document without trusting it. The payload is deeply frozen.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function parseDocument<Payload>(
  token: string,
  format: DocumentFormat<Payload>,
  stage: DocumentStage = 'signed',
): Promise<ParsedDocument<Payload>> {
  const { encoded, bytes, value, signatures } = read(token, format.maxBytes, stage);
  const payload = freeze(checkShape(value, format.payload, format.type));
  return { token, encoded, payload, hash: await digestB64u(bytes), signatures };
}

/** What of a directory may be large, and so stands behind what says which one it is (docs/spec/directory.md). */
const LAST_MEMBERS = ['entities', 'revoked', 'kept', 'withdrawn'];

/**
 * Signs a payload as root, policy or directory, whichever its `_type` says. Without signers it is on its way to them.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function signDocument(payload: DocumentPayload, signers: readonly Signer[]): Promise<string> {
  const members = Object.entries(payload);
  const isLast = ([name]: [string, unknown]) => LAST_MEMBERS.includes(name);
  const ordered = [...members.filter((member) => !isLast(member)), ...members.filter(isLast)];
  const encoded = encodeBase64url(utf8(JSON.stringify(Object.fromEntries(ordered))));
  const signatures = await Promise.all(signers.map((signer) => sign(encoded, payload._type, signer)));
  const token = JSON.stringify({ payload: encoded, signatures });
  read(token, DOCUMENT_MAX_BYTES, signers.length > 0 ? 'signed' : 'proposed');
  return token;
}

/**
 * The same document with one signature more; an earlier one by the same key is replaced. It may have none before.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export async function cosignDocument(token: string, signer: Signer): Promise<string> {
  const { encoded, type, signatures } = read(token, DOCUMENT_MAX_BYTES, 'proposed');
  const others = signatures
    .filter((one) => one.kid !== signer.kid)
    .map((one) => ({ protected: one.protected, signature: one.signature }));
  const cosigned = JSON.stringify({ payload: encoded, signatures: [...others, await sign(encoded, type, signer)] });
  read(cosigned, DOCUMENT_MAX_BYTES);
  return cosigned;
}

/** How many distinct keys of the role signed. Signatures by other keys are ignored; a bad one does not count. */
export async function countSignatures(
  document: Pick<ParsedDocument<unknown>, 'encoded' | 'signatures'>,
  role: DocumentRole,
  keys: Readonly<Record<string, DocumentKey>>,
): Promise<number> {
  return (await signersOf(document, role, keys)).size;
}

/** `kid` of each key of the role that signed, as {@link countSignatures} counts them. */
export async function signersOf(
  document: Pick<ParsedDocument<unknown>, 'encoded' | 'signatures'>,
  role: DocumentRole,
  keys: Readonly<Record<string, DocumentKey>>,
): Promise<ReadonlySet<string>> {
  const good = new Set<string>();
  for (const signature of document.signatures) {
    const key =
      role.kids.includes(signature.kid) && // guard: document-role
      // guard: document-key-listed
      Object.hasOwn(keys, signature.kid)
        ? keys[signature.kid]
        : undefined;
    if (key !== undefined && (await isGood(document.encoded, signature, key))) good.add(signature.kid);
  }
  return good;
}

/**
 * Checks that enough distinct keys of the role signed.
 * @param check names the check in the error.
 * @throws {CryptoError} signature_invalid
 */
export async function requireSignatures(
  document: Pick<ParsedDocument<unknown>, 'encoded' | 'signatures'>,
  role: DocumentRole,
  keys: Readonly<Record<string, DocumentKey>>,
  check: string,
): Promise<void> {
  const count = await countSignatures(document, role, keys);
  // guard: document-threshold
  if (count < role.threshold) {
    throw new CryptoError('signature_invalid', `${count} of ${role.threshold} signatures needed are good`, { check });
  }
}

/**
 * As {@link requireSignatures}, before anything is made of what the document says: without the signatures that may be
 * hundreds of thousands of anything.
 * @throws {CryptoError} signature_invalid; token_malformed, payload_too_large
 */
export async function requireSignedToken(
  token: string,
  type: DocumentType,
  role: DocumentRole,
  keys: Readonly<Record<string, DocumentKey>>,
  check: string,
): Promise<void> {
  await requireSignatures(documentSignatures(token, type), role, keys, check);
}

/**
 * What a document was signed with, read without its payload.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function documentSignatures(
  token: string,
  type: DocumentType,
): Pick<ParsedDocument<unknown>, 'encoded' | 'signatures'> {
  const outer = readOuter(token, DOCUMENT_MAX_BYTES);
  return { encoded: outer.payload, signatures: readSignatures(outer, type) };
}

async function isGood(
  payload: string,
  { protected: header, signature }: DocumentSignature,
  key: DocumentKey,
): Promise<boolean> {
  const imported = await publicKeyOf(key);
  try {
    // The algorithm of the key, as root lists it: jose refuses a header with another.
    await flattenedVerify({ payload, protected: header, signature }, imported, { algorithms: [key.alg] });
    return true;
  } catch {
    return false;
  }
}

async function sign(
  encoded: string,
  type: DocumentType,
  signer: Signer,
): Promise<{ protected: string; signature: string }> {
  const header = encodeBase64url(utf8(JSON.stringify({ alg: signer.alg, typ: `${type}+jws`, kid: signer.kid })));
  return { protected: header, signature: encodeBase64url(await signer.sign(utf8(`${header}.${encoded}`))) };
}

interface ReadDocument {
  readonly encoded: string;
  readonly bytes: Bytes;
  readonly value: unknown;
  readonly type: DocumentType;
  readonly signatures: readonly DocumentSignature[];
}

function readOuter(token: string, maxBytes: number, stage: DocumentStage = 'signed'): z.infer<typeof outerSchema> {
  const tokenMaxBytes = Math.ceil((maxBytes * 4) / 3) + SIGNATURES_MAX_BYTES;
  const schema = stage === 'signed' ? outerSchema : proposedSchema;
  return checkShape(strictParse(utf8(token), { maxBytes: tokenMaxBytes }), schema, 'document');
}

function read(token: string, maxBytes: number, stage: DocumentStage = 'signed'): ReadDocument {
  const outer = readOuter(token, maxBytes, stage);
  const bytes = decodeBase64url(outer.payload);
  const value = strictParse(bytes, { maxBytes });
  const type = checkShape(value, typedSchema, 'document')._type;
  return { encoded: outer.payload, bytes, value, type, signatures: readSignatures(outer, type) };
}

function readSignatures(outer: z.infer<typeof outerSchema>, type: DocumentType): DocumentSignature[] {
  const signatures = outer.signatures.map(readSignature);
  for (const { typ } of signatures) {
    // guard: document-type
    if (typ !== `${type}+jws`) throw malformed('a signature was made for another type of document');
  }
  // guard: document-twice
  if (new Set(signatures.map(({ kid }) => kid)).size !== signatures.length) throw malformed('a key signed twice');
  return signatures;
}

function readSignature(signature: {
  protected: string;
  signature: string;
}): DocumentSignature & { readonly typ: string } {
  const header = strictParse(decodeBase64url(signature.protected), { maxBytes: HEADER_MAX_BYTES });
  const { alg, typ, kid } = checkShape(header, headerSchema, 'signature header');
  decodeBase64url(signature.signature);
  return { kid, alg, typ, protected: signature.protected, signature: signature.signature };
}

/** The value, deeply frozen. */
export function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
