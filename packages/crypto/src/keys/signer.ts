import { platform } from '#platform';
import type { Bytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { keyThumbprint } from './keys.js';
import { checkShape } from '../encoding/schema.js';
import type { Secret } from '../encoding/secret.js';
import type { SealingMethod, WrappedKey } from './suite-kind.js';
import type { PrivateJwk, PublicJwk, SealAlg, SignAlg, SuiteId } from './suites.js';
import { isSealAlg, privateJwkSchema, publicJwkOf, sealingMethod, signingMethod, suite } from './suites.js';

/** Signs with a private key that may live elsewhere: in this process, an HSM or a KMS. */
export interface Signer {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SignAlg;
  readonly publicJwk: PublicJwk;
  /** The JWS signature value over exactly these bytes (RFC 7518 §3). */
  sign(bytes: Bytes): Promise<Bytes>;
}

/** Opens encrypted content keys with a private key that may live elsewhere. */
export interface Unwrapper {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SealAlg;
  /**
   * The 32-byte content key of a JWE (RFC 7516 §5.2).
   * @throws {CryptoError} open_failed, whatever went wrong
   */
  unwrap(wrapped: WrappedKey): Promise<Secret>;
}

export interface KeyPair {
  readonly kid: string;
  readonly suite: SuiteId;
  readonly alg: SignAlg | SealAlg;
  readonly publicJwk: PublicJwk;
  readonly privateJwk: PrivateJwk;
}

/** 65537. */
const EXPONENT = new Uint8Array([1, 0, 1]);

/**
 * A fresh key pair of a suite; RSA exponent 65537.
 * @throws {CryptoError} suite_unknown; key_invalid for `enc` in a suite that only signs
 */
export async function generateKeyPair(id: SuiteId, use: 'sig' | 'enc'): Promise<KeyPair> {
  const of = suite(id);
  const alg = use === 'sig' ? of.sign : of.seal;
  if (alg === undefined) throw new CryptoError('key_invalid', `suite ${id} has no encryption keys`);
  const { key, usages } = methodOf(alg);
  const rsa = of.modulusBits !== undefined && { modulusLength: of.modulusBits, publicExponent: EXPONENT };
  const pair = (await crypto.subtle.generateKey({ ...key, ...rsa }, true, usages.flat())) as CryptoKeyPair;
  const exported = pick(await crypto.subtle.exportKey('jwk', pair.privateKey), of.keys.members);
  const privateJwk = checkShape(exported, privateJwkSchema, 'private key');
  const publicJwk = publicJwkOf(privateJwk);
  return { kid: await keyThumbprint(publicJwk), suite: id, alg, publicJwk, privateJwk };
}

/**
 * A signer whose key lives in this process, where nothing but its signatures gets out.
 * @throws {CryptoError} key_invalid
 */
export async function loadSigner(jwk: PrivateJwk, alg: SignAlg): Promise<Signer> {
  const kid = await keyThumbprint(jwk);
  try {
    return { kid, alg, publicJwk: publicJwkOf(jwk), sign: await platform.importSigner(jwk, signingMethod(alg)) };
  } catch {
    throw new CryptoError('key_invalid', 'not a private key of this algorithm');
  }
}

function methodOf(alg: SignAlg | SealAlg): Pick<SealingMethod, 'key' | 'usages'> {
  return isSealAlg(alg) ? sealingMethod(alg) : { key: signingMethod(alg).key, usages: [['verify'], ['sign']] };
}

/** Only key material: WebCrypto adds alg, ext and key_ops, which the directory record states instead. */
function pick(jwk: object, members: readonly string[]): Record<string, unknown> {
  const all = Object.entries(jwk);
  return Object.fromEntries(members.flatMap((name) => all.filter(([own]) => own === name)));
}
