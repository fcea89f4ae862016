import { fingerprint } from './fingerprint.js';
import type { VerifyingKey } from './keys.js';
import { invalidKey } from './suite-kind.js';
import type { PrivateJwk, PublicJwk, SealAlg, SignAlg, SuiteId } from './suites.js';
import { suite } from './suites.js';
import { fingerprintWords } from './words.js';

/** A key of a file, checked: of one suite, and its halves belong together. */
export interface KeyMaterial {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly suite: SuiteId;
  /** What the file says it is for; undefined where the file does not say. */
  readonly use: 'sig' | 'enc' | undefined;
  /** The log whose checkpoints it signs, where the file says so. */
  readonly log?: number | undefined;
  readonly publicJwk: PublicJwk;
  /** Absent in a file of public keys. */
  readonly privateJwk?: PrivateJwk;
}

/** What things are sealed to. */
export interface SealingKey extends VerifyingKey {
  readonly use: 'enc';
  readonly alg: SealAlg;
}

/**
 * The key of a file that signs, or that things are sealed to. A file with one key means that one, whatever it is asked
 * for; of two the first signs and the second is sealed to, unless the file says otherwise.
 * @throws {CryptoError} key_invalid if there is none
 */
export function keyFor(keys: readonly KeyMaterial[], use: 'sig' | 'enc'): KeyMaterial {
  const found = keys.find((key) => key.use === use) ?? keys.find((key) => key.use === undefined);
  if (found === undefined || (use === 'enc' && suite(found.suite).seal === undefined))
    throw invalidKey(use === 'sig' ? 'none in the file signs' : 'nothing can be sealed to one in the file');
  return found;
}

/** The key of a file whose signatures count. @throws {CryptoError} key_invalid */
export function verifyingKeyOf(keys: readonly KeyMaterial[]): VerifyingKey & { readonly alg: SignAlg } {
  const { kid, suite: id, publicJwk: jwk } = keyFor(keys, 'sig');
  return { kid, use: 'sig', alg: suite(id).sign, jwk };
}

/** The key of a file that is sealed to. @throws {CryptoError} key_invalid */
export function sealingKeyOf(keys: readonly KeyMaterial[]): SealingKey {
  const { kid, suite: id, publicJwk: jwk } = keyFor(keys, 'enc');
  const { seal } = suite(id);
  if (seal === undefined) throw invalidKey('it signs and is never sealed to');
  return { kid, use: 'enc', alg: seal, jwk };
}

/** A key for human eyes and ears. */
export interface KeyNames {
  /** 128 bits: eight groups of four hexadecimal digits. */
  readonly hex: string;
  /** 88 bits. */
  readonly words: readonly string[];
}

/** The names of a key, from its thumbprint. */
export function namesOf({ kid }: Pick<KeyMaterial, 'kid'>): KeyNames {
  return { hex: fingerprint(kid), words: fingerprintWords(kid) };
}
