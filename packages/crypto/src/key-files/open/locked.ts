import type { Bytes } from '../../encoding/bytes.js';
import type { ParsedJwe } from '../../tokens/compact.js';
import type { LockedHeader } from '../locked.js';
import { openUnder } from '../../tokens/open/compact.js';
import type { Secret } from '../../encoding/secret.js';

/**
 * Decrypts a locked file under the key that a passphrase was stretched to by its `kdf`.
 * @throws {CryptoError} open_failed for another passphrase and for a changed file alike
 */
export function openLocked(parsed: ParsedJwe<LockedHeader>, key: Secret): Promise<Bytes> {
  return openUnder(parsed, key);
}
