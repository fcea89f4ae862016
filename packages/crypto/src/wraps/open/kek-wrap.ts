import type { Bytes } from '../../encoding/bytes.js';
import type { WrapContext } from '../kek-wrap.js';
import { parseKekWrap } from '../kek-wrap.js';
import { isDataKey } from '../../prompt/data-key.js';
import { openFailed } from '../../tokens/open/compact.js';
import { openKeyUnder } from './wrapped-key.js';

const BOUND = [
  'org', // guard: kekwrap-org
  'sub', // guard: kekwrap-sub
  'ver', // guard: kekwrap-ver
  'dek', // guard: kekwrap-dek
  'chash', // guard: kekwrap-chash
  'dkc', // guard: kekwrap-dkc
] as const;

/**
 * Opens a content key that `sealKekWrap` wrapped, for the content that it was wrapped for.
 * @param kek 32 bytes
 * @param kid of the version of the organisation's key that `kek` is
 * @returns the content key, 32 bytes, to which its content commits where it has a commitment; wipe it after use.
 * @throws {CryptoError} before the key is used: token_malformed, payload_too_large, key_unknown if it is under another
 *   version, envelope_tampered if it is for another content, key_invalid; then open_failed, whatever went wrong
 */
export async function openKekWrap(wrap: string, kek: Uint8Array, kid: string, context: WrapContext): Promise<Bytes> {
  const { header, ...rest } = parseKekWrap(wrap);
  const parsed = { ...rest, header: { ...header, dkc: header.dkc } };
  const dek = await openKeyUnder<WrapContext>({ parsed, under: kek, kid, context, bound: BOUND });
  // guard: kekwrap-data-key
  if (context.dkc !== undefined && !(await isDataKey(dek, context.dkc))) {
    dek.fill(0);
    throw openFailed();
  }
  return dek;
}
