import * as z from '#zod';
import { decodeBase64url, encodeHex } from '../encoding/bytes.js';
import type { KeyKind } from './suite-kind.js';
import { invalidKey } from './suite-kind.js';

/** Edwards25519 keys of the suite `ed25519`, which only signs: documents and checkpoints (RFC 8032, RFC 8037). */

const BYTES_32 = z.string().check(z.length(43), z.regex(/^[A-Za-z0-9_-]+$/));

const publicJwk = z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: BYTES_32 });
export type Ed25519PublicJwk = z.infer<typeof publicJwk>;

const privateJwk = z.extend(publicJwk, { d: BYTES_32 });
export type Ed25519PrivateJwk = z.infer<typeof privateJwk>;

export const ED25519_KEYS = {
  kty: 'OKP',
  publicJwk,
  privateJwk,
  members: ['kty', 'crv', 'x', 'd'],
  signing: { alg: 'Ed25519', key: { name: 'Ed25519' }, operation: { name: 'Ed25519' } },
  publicOf: ({ x }) => ({ kty: 'OKP', crv: 'Ed25519', x }),
} as const satisfies KeyKind<Ed25519PublicJwk, Ed25519PrivateJwk>;

/** y of the points of order 1, 2, 4 and 8 on edwards25519, the sign of x left out; lower-case hexadecimal. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/**
 * Checks a public key: canonical, so that it has one thumbprint, and of large order, since others verify anything.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export function checkEd25519Key({ x }: Ed25519PublicJwk): void {
  const point = decodeBase64url(x);
  if (point.length !== 32) throw invalidKey('its length is not 32 bytes');
  const y = Uint8Array.from(point, (byte, index) => (index === 31 ? byte & 0x7f : byte));
  const hex = encodeHex(y);
  // Little-endian: y >= 2^255 - 19 has a second spelling below it.
  // guard: key-canonical-point
  if ((y[0] ?? 0) >= 0xed && hex.endsWith(`${'ff'.repeat(30)}7f`)) throw invalidKey('its point is not canonical');
  // guard: key-small-order
  if (SMALL_ORDER.has(hex)) throw invalidKey('its point has a small order');
}
