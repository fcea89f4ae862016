import * as z from '#zod';
import { CryptoError } from '../names/errors.js';
import { checkEd25519Key, ED25519_KEYS } from './suite-ed25519.js';
import type { SealingMethod, SigningMethod } from './suite-kind.js';
import { invalidKey } from './suite-kind.js';
import { checkP256Key, P256_KEYS } from './suite-p256.js';
import { checkRsaKey, RSA_KEYS } from './suite-rsa.js';

/**
 * The suites of protocol.md §1: one row each here, and one file for each kind of key. A key belongs to exactly one
 * suite and one algorithm (RFC 8725 §3.1), which the verifier takes from the key's directory record and never from a
 * token. `hybrid1` would be a row whose `sign` names two signatures and whose `seal` is an integrated HPKE.
 */
export const SUITES = {
  rsa2048: {
    id: 'rsa2048',
    /** Security strength in bits (NIST SP 800-57 part 1, table 2). */
    strength: 112,
    sign: 'PS256',
    seal: 'RSA-OAEP-256',
    keys: RSA_KEYS,
    /** RSA modulus length in bits, absent for other keys. */
    modulusBits: 2048,
    /** Whether root, policy and directory may be signed with it. */
    documents: false,
    /** Last day content may rely on it, YYYY-MM-DD; absent where no end is set. */
    protectUntil: '2030-12-31',
  },
  rsa3072: {
    id: 'rsa3072',
    strength: 128,
    sign: 'PS256',
    seal: 'RSA-OAEP-256',
    keys: RSA_KEYS,
    modulusBits: 3072,
    documents: true,
  },
  p256: { id: 'p256', strength: 128, sign: 'ES256', seal: 'ECDH-ES+A256KW', keys: P256_KEYS, documents: false },
  ed25519: { id: 'ed25519', strength: 128, sign: 'Ed25519', keys: ED25519_KEYS, documents: true },
} as const;

export type SuiteId = keyof typeof SUITES;
type Row = (typeof SUITES)[SuiteId];
/** JWS algorithms in use. */
export type SignAlg = Row['sign'];
/** JWE key management algorithms in use. */
export type SealAlg = Extract<Row, { seal: string }>['seal'];

export interface Suite {
  readonly id: SuiteId;
  readonly strength: 112 | 128;
  readonly sign: SignAlg;
  /** Absent for suites that only sign. */
  readonly seal?: SealAlg;
  readonly keys: Row['keys'];
  readonly modulusBits?: number;
  readonly documents: boolean;
  readonly protectUntil?: string;
}

export const ALL_SUITES: readonly Suite[] = Object.values(SUITES);
export const SUITE_IDS = Object.keys(SUITES) as [SuiteId, ...SuiteId[]];
export const SIGN_ALGS = distinct(ALL_SUITES.map(({ sign }) => sign));
export const SEAL_ALGS = distinct(ALL_SUITES.flatMap(({ seal }) => seal ?? []));

export const publicJwkSchema = z.discriminatedUnion('kty', [
  RSA_KEYS.publicJwk,
  P256_KEYS.publicJwk,
  ED25519_KEYS.publicJwk,
]);
export type PublicJwk = z.infer<typeof publicJwkSchema>;

export const privateJwkSchema = z.discriminatedUnion('kty', [
  RSA_KEYS.privateJwk,
  P256_KEYS.privateJwk,
  ED25519_KEYS.privateJwk,
]);
export type PrivateJwk = z.infer<typeof privateJwkSchema>;

/**
 * The suite of this name.
 * @throws {CryptoError} suite_unknown
 */
export function suite(id: string): Suite {
  if (!Object.hasOwn(SUITES, id)) throw new CryptoError('suite_unknown', 'unknown suite');
  return SUITES[id as SuiteId];
}

/** Whether a key of one suite may be sealed all that one of another may: the text need not stay secret for longer. */
export function lastsAsLong(id: SuiteId, as: SuiteId): boolean {
  const [until, wanted] = [suite(id).protectUntil, suite(as).protectUntil];
  return until === undefined || (wanted !== undefined && until >= wanted);
}

/**
 * Checks type, size and point of a public key against its suite.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export function checkPublicJwk(jwk: PublicJwk, id: SuiteId): void {
  const { keys, modulusBits = 0 } = suite(id);
  if (jwk.kty !== keys.kty) throw invalidKey('its type is not the one of its suite');
  if (jwk.kty === 'RSA') checkRsaKey(jwk, modulusBits);
  else if (jwk.kty === 'EC') checkP256Key(jwk);
  else checkEd25519Key(jwk);
}

/** The public half of a JWK. */
export function publicJwkOf(jwk: PrivateJwk | PublicJwk): PublicJwk {
  if (jwk.kty === 'RSA') return RSA_KEYS.publicOf(jwk);
  return jwk.kty === 'EC' ? P256_KEYS.publicOf(jwk) : ED25519_KEYS.publicOf(jwk);
}

/** Whether keys of this algorithm are sealed to; the others sign. */
export function isSealAlg(alg: SignAlg | SealAlg): alg is SealAlg {
  return SEAL_ALGS.some((one) => one === alg);
}

const SIGNING: readonly SigningMethod[] = ALL_SUITES.map(({ keys }) => keys.signing);
const SEALING = ALL_SUITES.flatMap(({ keys }): SealingMethod[] => ('sealing' in keys ? [keys.sealing] : []));

/** How WebCrypto signs and verifies under this algorithm. */
export function signingMethod(alg: SignAlg): SigningMethod {
  return methodOf(SIGNING, alg);
}

/** How WebCrypto seals and unwraps under this algorithm. */
export function sealingMethod(alg: SealAlg): SealingMethod {
  return methodOf(SEALING, alg);
}

function methodOf<Method extends { alg: string }>(methods: readonly Method[], alg: string): Method {
  const found = methods.find((method) => method.alg === alg);
  if (found === undefined) throw invalidKey('no suite has its algorithm');
  return found;
}

function distinct<Value>(values: readonly Value[]): [Value, ...Value[]] {
  return [...new Set(values)] as [Value, ...Value[]];
}
