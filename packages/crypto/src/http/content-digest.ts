import type { Bytes } from '../encoding/bytes.js';
import { digestB64u, sha256 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { encodeByteSequence, malformed } from './signature-base.js';

/** 32 bytes in their one spelling: the last of 43 characters has two bits that are not used, and they are zero. */
const FIELD = /^sha-256=:([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])=:$/;

/** The Content-Digest of a body: SHA-256 alone (RFC 9530 §2). */
export async function encodeContentDigest(body: Bytes): Promise<string> {
  return `sha-256=${encodeByteSequence(await sha256(body))}`;
}

/** The digest of a Content-Digest with exactly one member, `sha-256`, as base64url. @throws {CryptoError} token_malformed */
export function parseContentDigest(field: string | undefined): string {
  const [, base64] = FIELD.exec(field ?? '') ?? [];
  if (base64 === undefined) throw malformed('Content-Digest is not one member "sha-256"');
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}

/** Compares a digest (base64url) with the bytes it is said to be of. @throws {CryptoError} signature_invalid */
export async function checkDigest(digest: string, body: Bytes): Promise<void> {
  if (digest === (await digestB64u(body))) return;
  throw new CryptoError('signature_invalid', 'the body is not the one that was signed', { check: 'content-digest' });
}
