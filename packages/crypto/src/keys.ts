import { calculateJwkThumbprint, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import * as z from 'zod/mini';
import { decodeBase64url, encodeHex } from './bytes.js';
import { CryptoError } from './errors.js';
import { SUITES, suite } from './suites.js';
import type { SealAlg, SignAlg, SuiteId } from './suites.js';

const B64U = /^[A-Za-z0-9_-]+$/;
/** An RFC 7638 SHA-256 thumbprint: 43 base64url characters. */
export const kidSchema = z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/));
/** NumericDate: whole seconds since 1970 (RFC 7519 §2). */
export const secondsSchema = z.int().check(z.gte(0), z.lte(253_402_300_799));

export const rsaPublicJwkSchema = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string().check(z.maxLength(683), z.regex(B64U)),
  e: z.literal('AQAB'),
});
export const ed25519PublicJwkSchema = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().check(z.length(43), z.regex(B64U)),
});
export const publicJwkSchema = z.discriminatedUnion('kty', [rsaPublicJwkSchema, ed25519PublicJwkSchema]);
export type PublicJwk = z.infer<typeof publicJwkSchema>;

const SIGN_PURPOSES = ['http', 'invoke', 'content', 'tag', 'envelope', 'reply'] as const;
export type KeyPurpose = (typeof SIGN_PURPOSES)[number] | 'unwrap';

const suiteSchema = z.enum(Object.keys(SUITES) as [SuiteId, ...SuiteId[]]);
const purposesSchema = z.array(z.enum([...SIGN_PURPOSES, 'unwrap'])).check(z.minLength(1), z.maxLength(8));

/** A key as a directory lists it (protocol.md §4). The state follows from its times and the revocations, nothing else. */
export const keyRecordSchema = z.strictObject({
  kid: kidSchema,
  use: z.enum(['sig', 'enc']),
  alg: z.enum(['PS256', 'Ed25519', 'RSA-OAEP-256']),
  suite: suiteSchema,
  pur: purposesSchema,
  nbf: secondsSchema,
  use_until: secondsSchema,
  end: secondsSchema,
  jwk: publicJwkSchema,
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;

const B64U_PRIVATE = z.string().check(z.maxLength(683), z.regex(B64U));
export const privateJwkSchema = z.discriminatedUnion('kty', [
  z.extend(rsaPublicJwkSchema, {
    d: B64U_PRIVATE,
    p: B64U_PRIVATE,
    q: B64U_PRIVATE,
    dp: B64U_PRIVATE,
    dq: B64U_PRIVATE,
    qi: B64U_PRIVATE,
  }),
  z.extend(ed25519PublicJwkSchema, { d: B64U_PRIVATE }),
]);
export type PrivateJwk = z.infer<typeof privateJwkSchema>;

/** Private keys of one entity as its 0600 file holds them: a service's key file or a device's identity. */
export const keyFileSchema = z.strictObject({
  v: z.literal(1),
  org: z.string(),
  urn: z.string(),
  keys: z
    .array(
      z.strictObject({
        kid: kidSchema,
        use: z.enum(['sig', 'enc']),
        alg: z.enum(['PS256', 'Ed25519', 'RSA-OAEP-256']),
        suite: suiteSchema,
        pur: purposesSchema,
        jwk: privateJwkSchema,
      }),
    )
    .check(z.minLength(1), z.maxLength(64)),
});
export type KeyFile = z.infer<typeof keyFileSchema>;

export type KeyState = 'pending' | 'active' | 'deactivated' | 'ended' | 'revoked';

/** The state of a key at `now` (seconds); a key past its end is as dead as a revoked one. */
export function keyState(record: KeyRecord, revoked: boolean, now: number): KeyState {
  if (revoked) return 'revoked';
  if (now < record.nbf) return 'pending';
  if (now < record.use_until) return 'active';
  return now < record.end ? 'deactivated' : 'ended';
}

/**
 * What a key is wanted for: an HTTP signature or encrypting (active only), an envelope or invocation
 * (active or just past), or something that lives on: statements, tags, replies, opening with one's own key.
 */
export type KeyUsage = 'http' | 'encrypt' | 'envelope' | 'invocation' | 'durable';
const GRACE_SECONDS = 300;

/** Whether a key is "usable now" for this usage (protocol.md §4). `now` in seconds. */
export function isUsable(record: KeyRecord, usage: KeyUsage, revoked: boolean, now: number): boolean {
  const state = keyState(record, revoked, now);
  if (state === 'active') return true;
  if (state !== 'deactivated') return false;
  if (usage === 'durable') return true;
  return (usage === 'envelope' || usage === 'invocation') && now <= record.use_until + GRACE_SECONDS;
}

/** RFC 7638 SHA-256 thumbprint of the public members, base64url: the `kid` of the key. */
export async function keyThumbprint(jwk: PublicJwk | PrivateJwk): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256');
}

/** A kid for human eyes: the first 16 bytes in hexadecimal, in groups of four digits. */
export function fingerprint(kid: string): string {
  const groups = encodeHex(decodeBase64url(kid)).slice(0, 32).match(/.{4}/g);
  return (groups ?? []).join(':');
}

/**
 * Checks that a record is one key of one suite: algorithm, use, purposes, modulus, times and thumbprint agree.
 * @throws {CryptoError} suite_unknown, key_invalid
 */
export async function checkKeyRecord(record: KeyRecord): Promise<void> {
  const of = suite(record.suite);
  const expectedAlg = record.use === 'sig' ? of.sign : of.seal;
  if (record.alg !== expectedAlg) throw invalid('its algorithm is not the one of its suite and use');
  if (record.pur.some((purpose) => (purpose === 'unwrap') !== (record.use === 'enc')))
    throw invalid('its purposes do not fit its use');
  if (new Set(record.pur).size !== record.pur.length) throw invalid('a purpose stands twice');
  if (!(record.nbf <= record.use_until && record.use_until <= record.end)) throw invalid('its times are out of order');
  checkPublicJwk(record.jwk, record.suite);
  if ((await keyThumbprint(record.jwk)) !== record.kid) throw invalid('its kid is not its thumbprint');
}

/**
 * Checks type and size of a public key against its suite; the exponent is 65537 by schema.
 * @throws {CryptoError} key_invalid
 */
export function checkPublicJwk(jwk: PublicJwk, id: SuiteId): void {
  const of = suite(id);
  if (jwk.kty === 'OKP') {
    if (id !== 'ed25519') throw invalid('its type is not the one of its suite');
    checkPoint(decodeBase64url(jwk.x));
    return;
  }
  if (of.modulusBits === undefined) throw invalid('its type is not the one of its suite');
  const modulus = decodeBase64url(jwk.n);
  // RFC 7518 §2: without leading zeros, or one modulus would have several thumbprints.
  if (modulus[0] === 0) throw invalid('its modulus has a leading zero');
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits !== of.modulusBits) throw invalid(`its modulus is not ${of.modulusBits} bits long`);
}

/** y of the points of order 1, 2, 4 and 8 on edwards25519, the sign of x left out; lower-case hexadecimal. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** An Ed25519 key must be canonical, so that it has one thumbprint, and of large order: others verify anything. */
function checkPoint(point: Uint8Array): void {
  if (point.length !== 32) throw invalid('its length is not 32 bytes');
  const y = Uint8Array.from(point, (byte, index) => (index === 31 ? byte & 0x7f : byte));
  const hex = encodeHex(y);
  // Little-endian: y >= 2^255 - 19 has a second spelling below it.
  if ((y[0] ?? 0) >= 0xed && hex.endsWith(`${'ff'.repeat(30)}7f`)) throw invalid('its point is not canonical');
  if (SMALL_ORDER.has(hex)) throw invalid('its point has a small order');
}

/** What a signature is verified under. */
export type VerifyingKey = Pick<KeyRecord, 'kid' | 'use' | 'alg' | 'jwk'>;

/** What a key is imported by: a directory record, or a key that root lists. */
type ImportableKey = Pick<KeyRecord, 'jwk' | 'alg'>;
const imported = new WeakMap<ImportableKey, Promise<CryptoKey>>();

/**
 * The WebCrypto key of a checked record, imported once.
 * @throws {CryptoError} key_invalid
 */
export function publicKeyOf(record: ImportableKey): Promise<CryptoKey> {
  let key = imported.get(record);
  if (key === undefined) {
    key = importPublic(record.jwk, record.alg);
    imported.set(record, key);
  }
  return key;
}

async function importPublic(jwk: PublicJwk, alg: SignAlg | SealAlg): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk as JWK, alg)) as CryptoKey;
  } catch {
    throw invalid('the platform does not accept it');
  }
}

function invalid(why: string): CryptoError {
  return new CryptoError('key_invalid', `not a valid key: ${why}`);
}
