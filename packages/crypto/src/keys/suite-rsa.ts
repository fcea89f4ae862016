import { platform } from '#platform';
import * as z from '#zod';
import { decodeBase64url } from '../encoding/bytes.js';
import type { KeyKind } from './suite-kind.js';
import { invalidKey } from './suite-kind.js';

/** RSA keys of the suites `rsa2048` and `rsa3072`: PS256 and RSA-OAEP-256 (RFC 7518 §3.5, §4.3). */

const NUMBER = z.string().check(z.maxLength(683), z.regex(/^[A-Za-z0-9_-]+$/));

const publicJwk = z.strictObject({
  kty: z.literal('RSA'),
  n: NUMBER,
  // 65537 and nothing else.
  e: z.literal('AQAB'), // guard: key-exponent without: e: z.string()
});
export type RsaPublicJwk = z.infer<typeof publicJwk>;

const privateJwk = z.extend(publicJwk, { d: NUMBER, p: NUMBER, q: NUMBER, dp: NUMBER, dq: NUMBER, qi: NUMBER });
export type RsaPrivateJwk = z.infer<typeof privateJwk>;

export const RSA_KEYS = {
  kty: 'RSA',
  publicJwk,
  privateJwk,
  members: ['kty', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'],
  signing: {
    alg: 'PS256',
    key: { name: 'RSA-PSS', hash: 'SHA-256' },
    operation: { name: 'RSA-PSS', saltLength: 32 },
  },
  sealing: {
    alg: 'RSA-OAEP-256',
    key: { name: 'RSA-OAEP', hash: 'SHA-256' },
    usages: [['encrypt'], ['decrypt']],
    ephemeral: false,
    async wrap(key, cek) {
      return { encryptedKey: await platform.encryptOaep(key, cek.reveal()) };
    },
  },
  publicOf: ({ n, e }) => ({ kty: 'RSA', n, e }),
} as const satisfies KeyKind<RsaPublicJwk, RsaPrivateJwk>;

/**
 * How many bits the modulus has.
 * @throws {CryptoError} key_invalid for a second spelling of a number; token_malformed
 */
export function modulusBitsOf({ n }: RsaPublicJwk): number {
  const modulus = decodeBase64url(n);
  // RFC 7518 §2: without leading zeros, or one modulus would have several thumbprints.
  // guard: key-leading-zero
  if (modulus[0] === 0) throw invalidKey('its modulus has a leading zero');
  return modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
}

/**
 * Checks a public key against the length that its suite wants; the exponent is 65537 by schema.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export function checkRsaKey(jwk: RsaPublicJwk, modulusBits: number): void {
  const bits = modulusBitsOf(jwk);
  // guard: key-modulus
  if (bits !== modulusBits) throw invalidKey(`its modulus has ${bits} bits and not ${modulusBits}`);
}
