import { importJWK } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Bytes } from './bytes.js';
import { CryptoError } from './errors.js';
import { keyThumbprint, privateJwkSchema, publicJwkSchema } from './keys.js';
import type { PrivateJwk, PublicJwk } from './keys.js';
import { checkShape } from './schema.js';
import type { Secret } from './secret.js';
import { suite } from './suites.js';
import type { SealAlg, SignAlg, SuiteId } from './suites.js';

/** Signs with a private key that may live elsewhere: in this process, an HSM or a KMS. */
export interface Signer {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SignAlg;
  /** The JWS signature value over exactly these bytes (RFC 7518 §3). */
  sign(bytes: Bytes): Promise<Bytes>;
}

/** Opens encrypted content keys with a private key that may live elsewhere. */
export interface Unwrapper {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SealAlg;
  /**
   * The 32-byte content key of a JWE's encrypted key (RFC 7516 §5.2).
   * @throws {CryptoError} open_failed, whatever went wrong
   */
  unwrap(encryptedKey: Bytes): Promise<Secret>;
}

export interface KeyPair {
  readonly kid: string;
  readonly suite: SuiteId;
  readonly alg: SignAlg | SealAlg;
  readonly publicJwk: PublicJwk;
  readonly privateJwk: PrivateJwk;
}

const PSS = { name: 'RSA-PSS', saltLength: 32 } as const;
const HASH = 'SHA-256';

/**
 * A fresh key pair of a suite; RSA exponent 65537.
 * @throws {CryptoError} suite_unknown; key_invalid for `enc` in a suite that only signs
 */
export async function generateKeyPair(id: SuiteId, use: 'sig' | 'enc'): Promise<KeyPair> {
  const of = suite(id);
  const alg = use === 'sig' ? of.sign : of.seal;
  if (alg === undefined) throw new CryptoError('key_invalid', `suite ${id} has no encryption keys`);
  const parameters =
    alg === 'Ed25519'
      ? { name: 'Ed25519' }
      : {
          name: alg === 'PS256' ? 'RSA-PSS' : 'RSA-OAEP',
          modulusLength: of.modulusBits,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash: HASH,
        };
  const usages: KeyUsage[] = use === 'sig' ? ['sign', 'verify'] : ['encrypt', 'decrypt'];
  const pair = (await crypto.subtle.generateKey(parameters, true, usages)) as CryptoKeyPair;
  const publicJwk = checkShape(
    pick(await crypto.subtle.exportKey('jwk', pair.publicKey)),
    publicJwkSchema,
    'public key',
  );
  const privateJwk = checkShape(
    pick(await crypto.subtle.exportKey('jwk', pair.privateKey)),
    privateJwkSchema,
    'private key',
  );
  return { kid: await keyThumbprint(publicJwk), suite: id, alg, publicJwk, privateJwk };
}

/** The public half of a private JWK. */
export function publicJwkOf(jwk: PrivateJwk): PublicJwk {
  return jwk.kty === 'RSA' ? { kty: 'RSA', n: jwk.n, e: jwk.e } : { kty: 'OKP', crv: 'Ed25519', x: jwk.x };
}

/**
 * A signer whose key lives in this process as a non-extractable CryptoKey.
 * @throws {CryptoError} key_invalid
 */
export async function loadSigner(jwk: PrivateJwk, alg: SignAlg): Promise<Signer> {
  const kid = await keyThumbprint(jwk);
  const key = await importPrivate(jwk, alg);
  const algorithm = alg === 'PS256' ? PSS : { name: 'Ed25519' };
  return {
    kid,
    alg,
    async sign(bytes) {
      return new Uint8Array(await crypto.subtle.sign(algorithm, key, bytes));
    },
  };
}

/**
 * Imports a private key, non-extractable.
 * @throws {CryptoError} key_invalid
 */
export async function importPrivate(jwk: PrivateJwk, alg: SignAlg | SealAlg): Promise<CryptoKey> {
  try {
    return (await importJWK(jwk as JWK, alg, { extractable: false })) as CryptoKey;
  } catch {
    throw new CryptoError('key_invalid', 'not a private key of this algorithm');
  }
}

type KeyUsage = 'sign' | 'verify' | 'encrypt' | 'decrypt';
const JWK_MEMBERS = ['kty', 'crv', 'x', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const;

/** Only key material: WebCrypto adds alg, ext and key_ops, which the directory record states instead. */
function pick(jwk: Record<string, unknown> | object): Record<string, unknown> {
  return Object.fromEntries(
    JWK_MEMBERS.flatMap((name) => (name in jwk ? [[name, (jwk as Record<string, unknown>)[name]]] : [])),
  );
}
