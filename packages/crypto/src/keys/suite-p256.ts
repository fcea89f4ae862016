import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, decodeBase64url, encodeHex, sha256, utf8 } from '../encoding/bytes.js';
import { Secret } from '../encoding/secret.js';
import type { KeyKind, WrappedKey } from './suite-kind.js';
import { invalidKey } from './suite-kind.js';

/** Keys on P-256 of the suite `p256`: ES256 and ECDH-ES+A256KW (RFC 7518 §3.4, §4.6). */

const BYTES_32 = z.string().check(z.length(43), z.regex(/^[A-Za-z0-9_-]+$/));

const publicJwk = z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: BYTES_32, y: BYTES_32 });
export type P256PublicJwk = z.infer<typeof publicJwk>;

const privateJwk = z.extend(publicJwk, { d: BYTES_32 });
export type P256PrivateJwk = z.infer<typeof privateJwk>;

const SEAL_ALG = 'ECDH-ES+A256KW';
/** Of keys that agree, in WebCrypto's words. */
export const AGREEMENT = { name: 'ECDH', namedCurve: 'P-256' };

export const P256_KEYS = {
  kty: 'EC',
  publicJwk,
  privateJwk,
  members: ['kty', 'crv', 'x', 'y', 'd'],
  // WebCrypto's ECDSA signature is the JWS one: r and s, 32 bytes each (RFC 7518 §3.4), never DER.
  signing: {
    alg: 'ES256',
    key: { name: 'ECDSA', namedCurve: 'P-256' },
    operation: { name: 'ECDSA', hash: 'SHA-256' },
  },
  sealing: {
    alg: SEAL_ALG,
    key: AGREEMENT,
    usages: [[], ['deriveBits']],
    ephemeral: true,
    wrap: wrapAgreed,
  },
  publicOf: ({ x, y }) => ({ kty: 'EC', crv: 'P-256', x, y }),
} as const satisfies KeyKind<P256PublicJwk, P256PrivateJwk>;

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/**
 * Checks a point: coordinates below the field's prime, so that it has one thumbprint, and on the curve. The curve has
 * a prime order, so that no point of it is of a small one; infinity has no coordinates.
 * @throws {CryptoError} key_invalid, token_malformed
 */
export function checkP256Key(jwk: P256PublicJwk): void {
  const [x, y] = [coordinate(jwk.x), coordinate(jwk.y)];
  // guard: p256-canonical
  if (x >= P || y >= P) throw invalidKey('its point is not canonical');
  // guard: p256-curve
  if ((y * y - (x * x * x - 3n * x + B)) % P !== 0n) throw invalidKey('its point is not on the curve');
}

function coordinate(text: string): bigint {
  const bytes = decodeBase64url(text);
  if (bytes.length !== 32) throw invalidKey('its coordinates are not 32 bytes long');
  return BigInt(`0x${encodeHex(bytes)}`);
}

/**
 * ECDH-ES+A256KW (RFC 7518 §4.6, RFC 3394) with an ephemeral key that is used once. jose does the same within a token;
 * a differential test holds the two together.
 */
async function wrapAgreed(key: CryptoKey, cek: Secret): Promise<WrappedKey> {
  const ephemeral = await crypto.subtle.generateKey(AGREEMENT, false, ['deriveBits']);
  const { x = '', y = '' } = await crypto.subtle.exportKey('jwk', ephemeral.publicKey);
  const agreed = await crypto.subtle.deriveBits({ name: 'ECDH', public: key }, ephemeral.privateKey, 256);
  const wrapping = await concatKdf(new Secret(new Uint8Array(agreed)));
  const kek = await crypto.subtle.importKey('raw', wrapping.reveal(), 'AES-KW', false, ['wrapKey']);
  wrapping.wipe();
  const wrapped = await crypto.subtle.importKey('raw', cek.reveal(), 'AES-GCM', true, ['encrypt']);
  const encryptedKey = new Uint8Array(await crypto.subtle.wrapKey('raw', wrapped, kek, 'AES-KW'));
  return { encryptedKey, epk: { kty: 'EC', crv: 'P-256', x, y } };
}

/**
 * One round of the Concat KDF with SHA-256: 256 bits for A256KW, both parties unnamed (no `apu`, no `apv`).
 * @param agreed what two keys agree on; it is wiped.
 */
export async function concatKdf(agreed: Secret): Promise<Secret> {
  const none = uint32(0);
  const input = concatBytes(
    uint32(1),
    agreed.reveal(),
    uint32(SEAL_ALG.length),
    utf8(SEAL_ALG),
    none,
    none,
    uint32(256),
  );
  agreed.wipe();
  try {
    return new Secret(await sha256(input));
  } finally {
    input.fill(0);
  }
}

function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
