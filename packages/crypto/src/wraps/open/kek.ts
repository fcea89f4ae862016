import type { Bytes } from '../../encoding/bytes.js';
import type { KekContext } from '../kek.js';
import { parseKek } from '../kek.js';
import { openKeyUnder } from './wrapped-key.js';

const BOUND = [
  'org', // guard: kek-org
  'kek', // guard: kek-name
  'kver', // guard: kek-version
] as const;

/**
 * Opens an organisation's key that `sealKek` wrapped.
 * @param root 32 bytes
 * @param kid of the root key
 * @returns the organisation's key, 32 bytes; wipe it after use.
 * @throws {CryptoError} before the key is used: token_malformed, payload_too_large, key_unknown if it is under another
 *   root key, envelope_tampered if it is another organisation's or version, key_invalid; then open_failed, whatever
 *   went wrong
 */
export async function openKek(wrapped: string, root: Uint8Array, kid: string, context: KekContext): Promise<Bytes> {
  return openKeyUnder<KekContext>({ parsed: parseKek(wrapped), under: root, kid, context, bound: BOUND });
}
