import { HASH_PATTERN } from '../names/patterns.js';
import { platform } from '#platform';
import { calculateJwkThumbprint, importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { requireSeconds } from '../names/seconds.js';
import { rowSecretsSchema } from './row-secret.js';
import { invalidKey } from './suite-kind.js';
import { RSA_KEYS } from './suite-rsa.js';
import type { PrivateJwk, PublicJwk, SealAlg, SignAlg, Suite } from './suites.js';
import {
  ALL_SUITES,
  checkPublicJwk,
  isSealAlg,
  privateJwkSchema,
  publicJwkSchema,
  SEAL_ALGS,
  SIGN_ALGS,
  signingMethod,
  SUITE_IDS,
  suite,
} from './suites.js';

/** An RFC 7638 SHA-256 thumbprint: 43 base64url characters. */
export const kidSchema = z.string().check(z.regex(HASH_PATTERN));
/** NumericDate: whole seconds since 1970 (RFC 7519 §2). */
export const secondsSchema = z.int().check(z.gte(0), z.lte(253_402_300_799));

const SIGN_PURPOSES = ['http', 'invoke', 'content', 'tag', 'fresh', 'envelope', 'reply', 'checkpoint'] as const;
/** What is sealed to a key: contents and questions to whoever reads them; to a vault the keys of managed names alone. */
const SEAL_PURPOSES = ['unwrap', 'deposit'] as const;
export type KeyPurpose = (typeof SIGN_PURPOSES)[number] | (typeof SEAL_PURPOSES)[number];

const suiteSchema = z.enum(SUITE_IDS);
const algSchema = z.enum([...SIGN_ALGS, ...SEAL_ALGS]);
/** The log whose checkpoints a key signs; it signs those of no other. Keys from before there were such numbers have none. */
export const logNumberSchema = z.int().check(z.gte(1), z.lte(999_999_999));
const purposesSchema = z.array(z.enum([...SIGN_PURPOSES, ...SEAL_PURPOSES])).check(z.minLength(1), z.maxLength(8));

/** A key as a directory lists it (protocol.md §4). The state follows from its times and the revocations, nothing else. */
export const keyRecordSchema = z.strictObject({
  kid: kidSchema,
  use: z.enum(['sig', 'enc']),
  alg: algSchema,
  suite: suiteSchema,
  pur: purposesSchema,
  nbf: secondsSchema,
  use_until: secondsSchema,
  end: secondsSchema,
  log: z.optional(logNumberSchema),
  jwk: publicJwkSchema,
});
export type KeyRecord = z.infer<typeof keyRecordSchema>;

const heldKey = { kid: kidSchema, suite: suiteSchema, pur: purposesSchema };

/** A key whose private half stands in the file. */
const localKeySchema = z.strictObject({
  ...heldKey,
  use: z.enum(['sig', 'enc']),
  alg: algSchema,
  log: z.optional(logNumberSchema),
  jwk: privateJwkSchema,
});

/** A signing key of a service in a token (PKCS#11): where it is instead of what it is, and its public half. */
const tokenKeySchema = z.strictObject({
  ...heldKey,
  use: z.literal('sig'),
  alg: z.literal('PS256'),
  jwk: RSA_KEYS.publicJwk,
  /** RFC 7512; the file of the PIN is named in it, and never the PIN. */
  token: z.string().check(z.regex(/^pkcs11:[\x21-\x7e]{1,500}$/)),
});
export type TokenKey = z.infer<typeof tokenKeySchema>;

/** The keys of one entity as its 0600 file holds them: a service's key file or a device's identity. */
export const keyFileSchema = z.strictObject({
  v: z.literal(1),
  org: z.string(),
  urn: z.string(),
  keys: z.array(z.union([tokenKeySchema, localKeySchema])).check(z.minLength(1), z.maxLength(64)),
  /** Of a service: what it authenticates the rows of its audit log with before they are in it. */
  rows: rowSecretsSchema,
});
export type KeyFile = z.infer<typeof keyFileSchema>;

/**
 * The private half of a key of a file.
 * @throws {CryptoError} key_invalid for one in a token, by which services alone sign
 */
export function privateJwkOf(key: KeyFile['keys'][number]): PrivateJwk {
  // guard: key-in-token
  if ('token' in key) throw invalidKey('it is in a token, and only a service signs by those');
  return key.jwk;
}

export type KeyState = 'pending' | 'active' | 'deactivated' | 'ended' | 'revoked';

/** The state of a key at `now` (seconds); a key past its end is as dead as a revoked one. */
export function keyState(record: KeyRecord, revoked: boolean, now: number): KeyState {
  requireSeconds(now);
  // guard: key-revoked
  if (revoked) return 'revoked';
  // guard: key-not-yet
  if (now < record.nbf) return 'pending';
  if (now < record.use_until) return 'active';
  // guard: key-past-end without: return 'deactivated';
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
  requireSeconds(now);
  const state = keyState(record, revoked, now);
  if (state === 'active') return true;
  if (state !== 'deactivated') return false;
  if (usage === 'durable') return true;
  return (
    (usage === 'envelope' || usage === 'invocation') &&
    // guard: key-grace
    now <= record.use_until + GRACE_SECONDS
  );
}

/**
 * Whether what a key of long use signed at `signedAt` (seconds, by its own word) is of the time in which it signed: until
 * its `use_until`, and later by two times: a directory needs time to reach the signer, and the signed work takes time.
 * @param takes seconds
 */
export function mightSignAt({ use_until }: KeyRecord, signedAt: number, takes = 0): boolean {
  requireSeconds(signedAt);
  return signedAt <= use_until + GRACE_SECONDS + takes;
}

/** RFC 7638 SHA-256 thumbprint of the public members, base64url: the `kid` of the key. */
export async function keyThumbprint(jwk: PublicJwk | PrivateJwk): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256');
}

/** The one suite of keys that sign checkpoints: what C2SP tlog-checkpoint signs with, whatever a policy lists. */
export const CHECKPOINT_SUITE = 'ed25519' satisfies Suite['id'];

/** Whether a key signs the checkpoints of a log, and so nothing else. */
export function isCheckpointKey({ pur }: Pick<KeyRecord, 'pur'>): boolean {
  return pur.includes('checkpoint');
}

function isSealPurpose(purpose: KeyPurpose): boolean {
  return (SEAL_PURPOSES as readonly KeyPurpose[]).includes(purpose);
}

/**
 * Checks that a record is one key of one suite: algorithm, use, purposes, modulus, times and thumbprint agree.
 * @throws {CryptoError} suite_unknown, key_invalid
 */
export async function checkKeyRecord(record: KeyRecord): Promise<void> {
  const of = suite(record.suite);
  const expectedAlg = record.use === 'sig' ? of.sign : of.seal;
  // guard: key-algorithm
  if (record.alg !== expectedAlg) throw invalidKey('its algorithm is not the one of its suite and use');
  // guard: key-use
  if (record.pur.some((purpose) => isSealPurpose(purpose) !== (record.use === 'enc')))
    throw invalidKey('its purposes do not fit its use');
  if (new Set(record.pur).size !== record.pur.length) throw invalidKey('a purpose stands twice');
  // guard: key-checkpoint-alone
  if (isCheckpointKey(record) && record.pur.length > 1)
    throw invalidKey('a key that signs checkpoints is for nothing else');
  // guard: key-checkpoint-suite
  if (isCheckpointKey(record) && record.suite !== CHECKPOINT_SUITE)
    throw invalidKey(`a key that signs checkpoints is of suite ${CHECKPOINT_SUITE}`);
  // guard: key-log-purpose
  if (record.log !== undefined && !isCheckpointKey(record))
    throw invalidKey('a number of a log stands at a key that signs no checkpoints');
  if (!(record.nbf <= record.use_until && record.use_until <= record.end))
    throw invalidKey('its times are out of order');
  checkPublicJwk(record.jwk, record.suite);
  // guard: kid-thumbprint
  if ((await keyThumbprint(record.jwk)) !== record.kid) throw invalidKey('its kid is not its thumbprint');
}

/**
 * The suite that a key of this use and algorithm belongs to; its type and size tell.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export function suiteOfKey(jwk: PublicJwk, use: 'sig' | 'enc', alg: string): Suite {
  const candidates = ALL_SUITES.filter(
    (one) => (use === 'sig' ? one.sign : one.seal) === alg && one.keys.kty === jwk.kty,
  );
  let refusal: unknown = invalidKey(`no suite has keys of its type under its algorithm`);
  for (const candidate of candidates) {
    try {
      checkPublicJwk(jwk, candidate.id);
      return candidate;
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}

/** What a signature is verified under. */
export type VerifyingKey = Pick<KeyRecord, 'kid' | 'use' | 'alg' | 'jwk'>;

/** Whether a signature over bytes is that of a record's key, by the record's algorithm alone. */
export async function isSignatureOf(record: VerifyingKey, bytes: Bytes, signature: Bytes): Promise<boolean> {
  if (
    record.use !== 'sig' || // guard: token-key-use
    isSealAlg(record.alg)
  )
    return false;
  // Awaited: a promise that is returned by another takes three turns instead of one.
  return await platform.verify(signingMethod(record.alg), await publicKeyOf(record), signature, bytes);
}

/** What a key is imported by: a directory record, or a key that root lists. */
type ImportableKey = Pick<KeyRecord, 'jwk' | 'alg'>;
/** By the key itself: several records may hold one, such as those that notes are verified by. */
const imported = new WeakMap<ImportableKey['jwk'], Map<ImportableKey['alg'], Promise<CryptoKey>>>();

/**
 * The WebCrypto key of a checked record, imported once: nobody changes what was checked.
 * @throws {CryptoError} key_invalid
 */
export function publicKeyOf(record: ImportableKey): Promise<CryptoKey> {
  const ofJwk = imported.get(record.jwk) ?? new Map<ImportableKey['alg'], Promise<CryptoKey>>();
  imported.set(record.jwk, ofJwk);
  const key = ofJwk.get(record.alg) ?? importPublic(record.jwk, record.alg);
  ofJwk.set(record.alg, key);
  return key;
}

async function importPublic(jwk: PublicJwk, alg: SignAlg | SealAlg): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk as JWK, alg)) as CryptoKey;
  } catch {
    throw invalidKey('the platform does not accept it');
  }
}
