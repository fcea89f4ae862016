import type { Bytes } from './bytes.js';
import { decodeBase64url, encodeBase64url } from './bytes.js';
import { CryptoError } from '../names/errors.js';

const SHAPE = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 with padding (RFC 4648 §4), as signed notes use it. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/**
 * Bytes of canonical base64: padded, without white space, unused trailing bits zero, so that one value has one spelling.
 * @throws {CryptoError} token_malformed
 */
export function decodeBase64(text: string): Bytes {
  // guard: base64-canonical
  if (!SHAPE.test(text)) throw new CryptoError('token_malformed', 'not canonical base64');
  return decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
}
