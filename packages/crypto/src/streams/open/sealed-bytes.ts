import type { Bytes } from '../../encoding/bytes.js';
import { openFailed, openGcm } from '../../tokens/open/compact.js';
import { SEALED_BYTES_OVERHEAD } from '../sealed-bytes.js';
import type { Secret } from '../../encoding/secret.js';

/**
 * Opens what `sealBytes` made.
 * @throws {CryptoError} open_failed for another key, other additional data, or bytes that were altered or cut
 */
export async function openBytes(key: Secret, sealed: Bytes, additionalData: Bytes): Promise<Bytes> {
  if (sealed.length < SEALED_BYTES_OVERHEAD) throw openFailed();
  const [iv, ciphertext, tag] = [sealed.slice(0, 12), sealed.slice(12, -16), sealed.slice(-16)];
  return openGcm(key, { iv, ciphertext, tag }, additionalData);
}
