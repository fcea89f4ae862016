import type { Bytes } from '../encoding/bytes.js';
import { equalBytes, sha256 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { decodeByteSequence, encodeByteSequence, malformed } from './signature-base.js';

/** The Content-Digest of a body: SHA-256 alone (RFC 9530 §2). */
export async function encodeContentDigest(body: Bytes): Promise<string> {
  return `sha-256=${encodeByteSequence(await sha256(body))}`;
}

/** The 32 bytes of a Content-Digest with exactly one member, `sha-256`. @throws {CryptoError} token_malformed */
export function parseContentDigest(field: string | undefined): Bytes {
  const [, item = ''] = /^sha-256=(:[A-Za-z0-9+/]{43}=:)$/.exec(field ?? '') ?? [];
  if (item === '') throw malformed('Content-Digest is not one member "sha-256"');
  return decodeByteSequence(item);
}

/** Compares a digest with the bytes it is said to be of. @throws {CryptoError} signature_invalid */
export async function checkDigest(digest: Bytes, body: Bytes): Promise<void> {
  if (equalBytes(digest, await sha256(body))) return;
  throw new CryptoError('signature_invalid', 'the body is not the one that was signed', { check: 'content-digest' });
}
