import type { Bytes } from '../../encoding/bytes.js';
import type { WrapContext } from '../kek-wrap.js';
import { parseKekWrap } from '../kek-wrap.js';
import { openKeyUnder } from './wrapped-key.js';

const BOUND = [
  'org', // guard: kekwrap-org
  'sub', // guard: kekwrap-sub
  'ver', // guard: kekwrap-ver
  'dek', // guard: kekwrap-dek
  'chash', // guard: kekwrap-chash
] as const;

/**
 * Opens a content key that `sealKekWrap` wrapped, for the content that it was wrapped for.
 * @param kek 32 bytes
 * @param kid of the version of the organisation's key that `kek` is
 * @returns the content key, 32 bytes; wipe it after use.
 * @throws {CryptoError} before the key is used: token_malformed, payload_too_large, key_unknown if it is under another
 *   version, envelope_tampered if it is for another content, key_invalid; then open_failed, whatever went wrong
 */
export async function openKekWrap(wrap: string, kek: Uint8Array, kid: string, context: WrapContext): Promise<Bytes> {
  return openKeyUnder<WrapContext>({ parsed: parseKekWrap(wrap), under: kek, kid, context, bound: BOUND });
}
