import { platform } from '#platform';
import type { Bytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { Secret } from '../encoding/secret.js';

/** RFC 5869 §2.3: 255 blocks of SHA-256. */
export const HKDF_MAX_BYTES = 255 * 32;

/** What a derived key is for. */
export interface Derivation {
  /** Fresh, or what the key shall be bound to; it may be known. Empty is allowed and weaker (RFC 5869 §3.1). */
  readonly salt: Bytes;
  /** The purpose, in words that nothing else uses: no two purposes get one key. */
  readonly info: Bytes;
}

/**
 * HKDF with SHA-256 (RFC 5869): a secret of `bytes` bytes out of one that has enough entropy; a passphrase has not.
 * @throws {CryptoError} key_invalid for a length that is not 1 to 8160
 */
export async function deriveSecret(from: Secret, { salt, info }: Derivation, bytes: number): Promise<Secret> {
  // guard: hkdf-length
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > HKDF_MAX_BYTES)
    throw new CryptoError('key_invalid', `HKDF derives 1 to ${HKDF_MAX_BYTES} bytes`);
  return new Secret(await platform.hkdf(from.reveal(), salt, info, bytes));
}
