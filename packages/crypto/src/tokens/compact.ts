import { platform } from '#platform';
import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { decodeBase64url, decodeUtf8, encodeBase64url, randomBytes, tokenHash, utf8 } from '../encoding/bytes.js';
import { hashSchema } from './claims.js';
import { jwsHeader } from './jws-header.js';
import { CryptoError } from '../names/errors.js';
import type { VerifyingKey } from '../keys/keys.js';
import { isSignatureOf, publicKeyOf } from '../keys/keys.js';
import { checkShape } from '../encoding/schema.js';
import { Secret } from '../encoding/secret.js';
import type { Signer } from '../keys/signer.js';
import type { WrappedKey } from '../keys/suite-kind.js';
import { strictParse, strictStringify } from '../encoding/strict-parse.js';
import type { P256PublicJwk } from '../keys/suite-p256.js';
import { checkP256Key, P256_KEYS } from '../keys/suite-p256.js';
import type { SealAlg, SignAlg } from '../keys/suites.js';
import { isSealAlg, SEAL_ALGS, sealingMethod, SIGN_ALGS } from '../keys/suites.js';

/**
 * The one mechanism under every token: compact JWS and JWE (RFC 7515, RFC 7516), read in the order
 * split, canonical check, strict header, schema, key record, signature or key (protocol.md §2.7).
 */
export interface JwsFormat<Claims> {
  /** Exact value of the protected header's `typ`. */
  readonly typ: string;
  readonly claims: z.ZodMiniType<Claims>;
  /** Largest payload in bytes. */
  readonly maxBytes: number;
}

export interface JwsHeader {
  readonly alg: SignAlg;
  readonly typ: string;
  readonly kid: string;
}

/** A token whose shape is checked and whose signature is not. */
export interface ParsedJws<Claims> {
  readonly token: string;
  readonly header: JwsHeader;
  readonly claims: Claims;
}

const HEADER_MAX_BYTES = 2048;
// guard: token-header without:
//   const jwsHeaderSchema = z.looseObject({ alg: z.enum(SIGN_ALGS), typ: z.string(), kid: hashSchema });
const jwsHeaderSchema = z.strictObject({
  alg: z.enum(SIGN_ALGS), // guard: token-algorithm-names without: alg: z.string()
  typ: z.string(),
  kid: hashSchema,
});

/**
 * Reads a compact JWS without trusting it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseJws<Claims>(token: string, format: JwsFormat<Claims>): ParsedJws<Claims> {
  const [header, payload] = split(token, 3, format.maxBytes);
  const checked = checkShape(parseHeader(header), jwsHeaderSchema, 'token header');
  // guard: token-typ
  if (checked.typ !== format.typ) throw malformed(`the token is not a ${format.typ}`);
  const claims = checkShape(strictParse(payload ?? new Uint8Array(), format), format.claims, format.typ);
  return { token, header: checked, claims };
}

/**
 * Reads a JWS again, every byte of which {@link parseJws} has read before: what was checked then holds. Only for tokens
 * that are known by a hash of all their bytes.
 */
export function rereadJws<Claims>(token: string): ParsedJws<Claims> {
  const [header = '', payload = ''] = token.split('.', 2);
  return { token, header: jsonOf(header) as JwsHeader, claims: jsonOf(payload) as Claims };
}

function jsonOf(part: string): unknown {
  return JSON.parse(decodeUtf8(decodeBase64url(part)));
}

/** Signs claims as a compact JWS of this format. The claims are checked first: what we make, we would accept. */
export async function signJws<Claims>(format: JwsFormat<Claims>, claims: Claims, signer: Signer): Promise<string> {
  checkShape(claims, format.claims, format.typ);
  const payload = strictStringify(claims, format);
  const signingInput = `${jwsHeader(signer, format.typ)}.${encodeBase64url(payload)}`;
  return `${signingInput}.${encodeBase64url(await signer.sign(utf8(signingInput)))}`;
}

/**
 * Checks the signature under the key of a directory record, whose algorithm counts and not the token's.
 * @param check names the check in the error.
 * @throws {CryptoError} signature_invalid
 */
export async function verifyJws(parsed: ParsedJws<unknown>, record: VerifyingKey, check: string): Promise<void> {
  if (!(await isSignedBy(parsed, record))) {
    const { typ } = parsed.header;
    throw new CryptoError('signature_invalid', `the signature of the ${typ} is not valid`, { check });
  }
}

async function isSignedBy({ token, header }: ParsedJws<unknown>, record: VerifyingKey): Promise<boolean> {
  if (
    header.kid !== record.kid || // guard: token-kid
    header.alg !== record.alg
  )
    return false;
  const end = token.lastIndexOf('.');
  return isSignatureOf(record, utf8(token.slice(0, end)), decodeBase64url(token.slice(end + 1)));
}

/** Members of every header of a token that is sealed to a key; `epk` is there where the key's algorithm agrees on one. */
export const sealedToShape = {
  alg: z.enum(SEAL_ALGS),
  enc: z.literal('A256GCM'),
  /** The recipient's encryption key. */
  kid: hashSchema,
  epk: z.optional(P256_KEYS.publicJwk),
};

export interface JweFormat<Header> {
  /** Exact value of the protected header's `typ`. */
  readonly typ: string;
  readonly header: z.ZodMiniType<Header>;
  /** Largest ciphertext in bytes. */
  readonly maxBytes: number;
}

/** A JWE whose shape is checked; its header is authenticated only by opening it. */
export interface ParsedJwe<Header> {
  readonly token: string;
  readonly header: Header;
  readonly parts: JweParts;
}

const hashes = new WeakMap<ParsedJwe<unknown>, string>();

/** `H` of the token of a JWE, computed once for each time that it was read. */
export async function hashOfToken(read: ParsedJwe<unknown>): Promise<string> {
  const known = hashes.get(read);
  if (known !== undefined) return known;
  const hash = await tokenHash(read.token);
  hashes.set(read, hash);
  return hash;
}

export interface JweParts {
  /** The protected header as it stands in the token: the additional authenticated data (RFC 7516 §5.1). */
  readonly protected: string;
  /** Empty for `dir`. */
  readonly encryptedKey: Bytes;
  /** 12 bytes. */
  readonly iv: Bytes;
  readonly ciphertext: Bytes;
  /** 16 bytes. */
  readonly tag: Bytes;
}

const EMPTY: Bytes = new Uint8Array(0);

/**
 * Reads a compact JWE without opening it.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseJwe<Header extends { alg: string; typ: string; epk?: P256PublicJwk | undefined }>(
  token: string,
  format: JweFormat<Header>,
): ParsedJwe<Header> {
  const [headerBytes, encryptedKey = EMPTY, iv = EMPTY, ciphertext = EMPTY, tag = EMPTY] = split(
    token,
    5,
    format.maxBytes,
  );
  const header = checkShape(parseHeader(headerBytes), format.header, `${format.typ} header`);
  // guard: token-encrypted-key
  if ((header.alg === 'dir') !== (encryptedKey.length === 0))
    throw malformed('the encrypted key does not fit the algorithm');
  checkEphemeral(header);
  // guard: token-iv
  if (iv.length !== 12 || tag.length !== 16) throw malformed('initialisation vector or tag has a wrong length');
  return { token, header, parts: { protected: token.slice(0, token.indexOf('.')), encryptedKey, iv, ciphertext, tag } };
}

/**
 * Reads the protected header of a JWE that is not at hand as a whole.
 * @param part the first part of the token.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function parseJweHeader<Header>(part: string, format: JweFormat<Header>): Header {
  return checkShape(parseHeader(decodeBase64url(part)), format.header, `${format.typ} header`);
}

/** An ephemeral key is where the algorithm wants one, and a point of the curve: no private key meets another. */
function checkEphemeral({ alg, epk }: { alg: string; epk?: P256PublicJwk | undefined }): void {
  const isWanted = SEAL_ALGS.some((one) => one === alg && sealingMethod(one).ephemeral);
  // guard: token-epk-fits
  if (isWanted !== (epk !== undefined)) throw malformed('the ephemeral key does not fit the algorithm');
  if (epk === undefined) return;
  try {
    // guard: token-epk-point
    checkP256Key(epk);
  } catch (error) {
    throw malformed(`the ephemeral key is ${(error as CryptoError).message}`);
  }
}

/** Encrypts to a recipient's key by its algorithm: a fresh content key to the key, A256GCM around the plaintext. */
export async function sealTo<Header extends { alg: string; typ: string }>(
  format: JweFormat<Header>,
  header: Header,
  plaintext: Uint8Array,
  record: VerifyingKey,
): Promise<string> {
  // guard: seal-to-enc
  if (header.alg !== record.alg) throw new CryptoError('key_invalid', 'not an encryption key of this algorithm');
  const cek = new Secret(randomBytes(32));
  try {
    const { encryptedKey, epk } = await wrapKey(record, cek);
    const complete = epk === undefined ? header : { ...header, epk };
    return await assemble(format, complete, { cek, encryptedKey }, plaintext);
  } finally {
    cek.wipe();
  }
}

/**
 * A 32-byte key for the holder of another, by its algorithm: RSA-OAEP-256 or ECDH-ES+A256KW (RFC 7518 §4.3, §4.6).
 * An `Unwrapper` is its other end.
 * @param to the public key
 * @throws {CryptoError} key_invalid for a key that signs, or another length
 */
export async function wrapKey(to: VerifyingKey, key: Secret): Promise<WrappedKey> {
  const alg = sealAlgOf(to);
  // guard: wrap-key-use
  if (to.use !== 'enc') throw new CryptoError('key_invalid', 'not an encryption key');
  // guard: wrap-key-length
  if (key.reveal().length !== 32) throw new CryptoError('key_invalid', 'a content key has 32 bytes');
  return sealingMethod(alg).wrap(await publicKeyOf(to), key);
}

/**
 * The algorithm by which things are sealed to a key: its record's, never one that somebody asks for.
 * @throws {CryptoError} key_invalid for a key that signs
 */
export function sealAlgOf({ alg }: Pick<VerifyingKey, 'alg'>): SealAlg {
  if (!isSealAlg(alg)) throw new CryptoError('key_invalid', 'not an encryption key');
  return alg;
}

/** Encrypts under a 32-byte content key (`dir`), which must never be used for a second message. */
export async function sealUnder<Header extends { alg: string; typ: string }>(
  format: JweFormat<Header>,
  header: Header,
  plaintext: Uint8Array,
  dek: Secret,
): Promise<string> {
  return assemble(format, header, { cek: dek, encryptedKey: EMPTY }, plaintext);
}

/** The compact serialisation, its ciphertext bound to the header as it stands (RFC 7516 §7.1, §5.1 step 14). */
async function assemble<Header extends { alg: string; typ: string }>(
  format: JweFormat<Header>,
  header: Header,
  { cek, encryptedKey }: { readonly cek: Secret; readonly encryptedKey: Bytes },
  plaintext: Uint8Array,
): Promise<string> {
  checkShape(header, format.header, `${format.typ} header`);
  if (plaintext.length > format.maxBytes)
    throw new CryptoError('payload_too_large', `more than ${format.maxBytes} bytes`);
  const aad = encodeBase64url(utf8(JSON.stringify(header)));
  const { iv, ciphertext, tag } = await platform.sealGcm(cek.reveal(), plaintext, utf8(aad));
  return [aad, ...[encryptedKey, iv, ciphertext, tag].map(encodeBase64url)].join('.');
}

/**
 * Splits a compact token and decodes its parts, each in its one canonical spelling.
 * @throws {CryptoError} token_malformed, payload_too_large
 */
export function split(token: string, count: 3 | 5, maxBytes: number): Bytes[] {
  // A third more for base64url; 2 KiB of header; an encrypted key or signature of at most 512 bytes; dots, IV and tag.
  const maxLength = Math.ceil(((maxBytes + HEADER_MAX_BYTES + 512) * 4) / 3) + 64;
  // guard: token-length
  if (token.length > maxLength) throw new CryptoError('payload_too_large', 'the token is too long');
  const parts = token.split('.', count + 1);
  // guard: token-parts
  if (parts.length !== count) throw malformed(`the token does not have ${count} parts`);
  return parts.map(decodeBase64url);
}

function parseHeader(bytes: Bytes | undefined): unknown {
  return strictParse(bytes ?? EMPTY, { maxBytes: HEADER_MAX_BYTES });
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
