import { Secret } from '../../encoding/secret.js';
import type { WrappedKey } from '../suite-kind.js';
import { invalidKey } from '../suite-kind.js';
import type { P256PublicJwk } from '../suite-p256.js';
import { AGREEMENT, concatKdf } from '../suite-p256.js';

/** ECDH-ES+A256KW (RFC 7518 §4.6, RFC 3394). @throws whatever the platform says; {CryptoError} key_invalid without `epk` */
export async function unwrapAgreed(key: CryptoKey, { encryptedKey, epk }: WrappedKey): Promise<Secret> {
  if (epk === undefined) throw invalidKey('the ephemeral key is missing');
  const wrapping = await concatKdf(await agreeP256(key, epk));
  const kek = await crypto.subtle.importKey('raw', wrapping.reveal(), 'AES-KW', false, ['unwrapKey']);
  wrapping.wipe();
  const cek = await crypto.subtle.unwrapKey('raw', encryptedKey, kek, 'AES-KW', 'AES-GCM', true, ['decrypt']);
  return new Secret(new Uint8Array(await crypto.subtle.exportKey('raw', cek)));
}

/** What two keys agree on: the x coordinate, 32 bytes (RFC 6090 §4). The public one was checked before. */
export async function agreeP256(key: CryptoKey, epk: P256PublicJwk): Promise<Secret> {
  const peer = await crypto.subtle.importKey('jwk', epk, AGREEMENT, false, []);
  return new Secret(new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: peer }, key, 256)));
}
