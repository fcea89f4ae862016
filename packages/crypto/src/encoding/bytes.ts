import { platform } from '#platform';
import { CryptoError } from '../names/errors.js';
import type { Bytes } from '../platform/platform.js';

export type { Bytes };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a well-formed string. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** Writes the UTF-8 of a well-formed string where other bytes follow it. @returns how many bytes it has */
export function encodeInto(text: string, bytes: Bytes): number {
  const { read, written } = encoder.encodeInto(text, bytes);
  if (read < text.length) throw new Error('there is no room for the text');
  return written;
}

/**
 * Text of UTF-8 bytes; a byte order mark stays in the text, where the JSON parser refuses it.
 * @throws {CryptoError} token_malformed if the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new CryptoError('token_malformed', 'not valid UTF-8');
  }
}

/** base64url without padding (RFC 7515 §2). */
export function encodeBase64url(bytes: Uint8Array): string {
  return platform.encodeBase64url(bytes);
}

/**
 * Bytes of canonical base64url: no padding, no white space, unused trailing bits zero, so that
 * one value has one spelling (protocol.md §2.1; jose accepts others).
 * @throws {CryptoError} token_malformed
 */
export function decodeBase64url(text: string): Bytes {
  const bytes = platform.decodeBase64url(text);
  if (bytes === undefined) throw new CryptoError('token_malformed', 'not canonical base64url');
  return bytes;
}

/** Lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `length` bytes from the platform's cryptographic generator. */
export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Whether two byte strings are equal, in time that depends on their lengths alone. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}

/** One byte string after another. */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** SHA-256, 32 bytes. */
export function sha256(bytes: Bytes): Promise<Bytes> {
  return platform.sha256(bytes);
}

/** base64url SHA-256 of bytes, as the hash of a root, policy or directory payload; of a text those of its UTF-8. */
export function digestB64u(message: Bytes | string): Promise<string> {
  return platform.digestB64u(message);
}

/** `H(x)`: base64url SHA-256 of the ASCII bytes of a compact token (protocol.md, notation). */
export function tokenHash(token: string): Promise<string> {
  return platform.digestB64u(token);
}
