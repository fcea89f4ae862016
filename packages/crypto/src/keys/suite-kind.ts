import type * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { KeyParameters, SigningMethod } from '../platform/platform.js';
import type { Secret } from '../encoding/secret.js';

export type { SigningMethod };

/**
 * What the file of a suite says about its keys: the shape of both halves, what a good one is, and how WebCrypto signs
 * and seals with it. `suites.ts` has the table; nothing else knows one kind of key from another.
 */
export interface KeyKind<Public extends KeyMaterial, Private extends KeyMaterial> {
  readonly kty: Public['kty'];
  /** Exactly the members of the public half. */
  readonly publicJwk: z.ZodMiniType<Public>;
  /** Exactly the members of the private half. */
  readonly privateJwk: z.ZodMiniType<Private>;
  /** Members of both, in the order in which they are written. */
  readonly members: readonly (keyof Private & string)[];
  readonly signing: SigningMethod;
  /** Absent where keys only sign. */
  readonly sealing?: SealingMethod;
  publicOf(jwk: Public): Public;
}

interface KeyMaterial {
  readonly kty: string;
}

/**
 * A JWE key management algorithm in WebCrypto's words: the half for sealing. The other half, which takes private keys,
 * is in `open/unwrapping.ts`.
 */
export interface SealingMethod {
  readonly alg: string;
  readonly key: KeyParameters;
  /** Usages of the public half, then of the private one. */
  readonly usages: readonly [readonly KeyUsage[], readonly KeyUsage[]];
  /** Whether tokens bring an ephemeral key (`epk`). */
  readonly ephemeral: boolean;
  /**
   * A content key for a token.
   * @param key the public half
   */
  wrap(key: CryptoKey, cek: Secret): Promise<WrappedKey>;
}

/** How a token brings its content key (RFC 7516 §5.1). */
export interface WrappedKey {
  readonly encryptedKey: Bytes;
  /** The ephemeral key of an ECDH-ES token, a checked point. */
  readonly epk?: EphemeralJwk | undefined;
}

/** An ephemeral public key on P-256, the one curve of a suite. */
export interface EphemeralJwk {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
}

type KeyUsage = 'sign' | 'verify' | 'encrypt' | 'decrypt' | 'deriveBits';

/** The error of every bad key. */
export function invalidKey(why: string): CryptoError {
  return new CryptoError('key_invalid', `not a valid key: ${why}`);
}
