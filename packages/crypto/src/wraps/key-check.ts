import { encodeBase64url, utf8 } from '../encoding/bytes.js';
import { deriveSecret } from '../keys/hkdf.js';
import { WRAPPED_KEY_BYTES, wrappingKey } from './wrapped-key.js';

const PURPOSE = utf8('bulla root key check v1');

/**
 * A value by which a root key is known again and that says nothing about it: HMAC-SHA-256 of the purpose, under a key
 * that HKDF derives for that purpose (RFC 5869, no salt). Never the encryption of something known: that would use the
 * root key under a fixed nonce.
 * @param root 32 bytes
 * @returns 43 characters of base64url
 * @throws {CryptoError} key_invalid if it has another length
 */
export async function keyCheck(root: Uint8Array): Promise<string> {
  const secret = wrappingKey(root);
  try {
    const derived = await deriveSecret(secret, { salt: new Uint8Array(), info: PURPOSE }, WRAPPED_KEY_BYTES);
    try {
      const algorithm = { name: 'HMAC', hash: 'SHA-256' };
      const key = await crypto.subtle.importKey('raw', derived.reveal(), algorithm, false, ['sign']);
      return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, PURPOSE)));
    } finally {
      derived.wipe();
    }
  } finally {
    secret.wipe();
  }
}
