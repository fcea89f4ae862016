import { platform } from '#platform';
import type { Bytes } from './bytes.js';
import { CryptoError } from '../names/errors.js';

/** Base64 with padding (RFC 4648 §4), as signed notes use it. */
export function encodeBase64(bytes: Uint8Array): string {
  return platform.encodeBase64(bytes);
}

/**
 * Bytes of canonical base64: padded, without white space, unused trailing bits zero, so that one value has one spelling.
 * @throws {CryptoError} token_malformed
 */
export function decodeBase64(text: string): Bytes {
  const bytes = platform.decodeBase64(text);
  // guard: base64-canonical
  if (bytes === undefined) throw new CryptoError('token_malformed', 'not canonical base64');
  return bytes;
}
