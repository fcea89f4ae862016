import { concatBytes, digestB64u, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';

const LABEL = utf8('bulla data key\0');

/**
 * What is said of a content key in the clear, `dkc`: base64url(SHA-256("bulla data key" ‖ 0x00 ‖ key)). It tells nothing of
 * 256 random bits, and no other key has it (protocol.md A16).
 */
export async function dataKeyCommitment(dek: Uint8Array): Promise<string> {
  const bytes = concatBytes(LABEL, dek);
  try {
    return await digestB64u(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** Whether a content that says this of its key has this one. */
export async function isDataKey(dek: Uint8Array, dkc: string): Promise<boolean> {
  return (await dataKeyCommitment(dek)) === dkc;
}

/**
 * What a content says of its key.
 * @throws {CryptoError} content_uncommitted for one that was sealed before contents said it
 */
export function requireCommitment({ dkc }: { readonly dkc?: string | undefined }): string {
  // guard: content-uncommitted without: return dkc as string;
  if (dkc !== undefined) return dkc;
  throw new CryptoError('content_uncommitted', 'it was sealed before contents committed to their key: push it again');
}
