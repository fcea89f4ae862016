import { platform } from '#platform';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { Secret } from '../encoding/secret.js';

/** What sealed bytes have more than what is in them: 12 of IV, 16 of tag. */
export const SEALED_BYTES_OVERHEAD = 28;

/**
 * AES-256-GCM for formats of one's own: `IV ‖ ciphertext ‖ tag`, with 96 bits of a random IV, which nobody can choose,
 * and a tag of 128 (NIST SP 800-38D §8.2.2). One key is good for 2^32 messages.
 * @param key 32 bytes
 * @param additionalData what it shall be bound to: purpose, place, version. Opening wants the same bytes.
 * @throws {CryptoError} key_invalid
 */
export async function sealBytes(key: Secret, plaintext: Bytes, additionalData: Bytes): Promise<Bytes> {
  // guard: seal-bytes-key
  if (key.reveal().length !== 32) throw new CryptoError('key_invalid', 'an AES-256 key has 32 bytes');
  const { iv, ciphertext, tag } = await platform.sealGcm(key.reveal(), plaintext, additionalData);
  return concatBytes(iv, ciphertext, tag);
}
