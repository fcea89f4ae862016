import { decodeUtf8 } from '../../encoding/bytes.js';
import type { Unwrapper } from '../../keys/signer.js';
import { CryptoError } from '../../names/errors.js';
import type { ParsedJws } from '../../tokens/compact.js';
import { openFailed, openWith } from '../../tokens/open/compact.js';
import type { ShareClaims } from '../share.js';
import { parseSealedShare, parseShare } from '../share.js';

/**
 * Opens a share that was sealed to the key of this process. Nobody vouches for it yet: `verifyShare` does that.
 * @throws {CryptoError} token_malformed, payload_too_large for what is no sealed share; key_unknown if it is sealed to
 *   another key; else open_failed, whatever went wrong
 */
export async function openShare(token: string, unwrapper: Unwrapper): Promise<ParsedJws<ShareClaims>> {
  const sealed = parseSealedShare(token);
  // guard: share-recipient
  if (sealed.header.kid !== unwrapper.kid || sealed.header.alg !== unwrapper.alg)
    throw new CryptoError('key_unknown', 'the share is sealed to another key', { check: 'share-recipient' });
  const plaintext = await openWith(sealed, unwrapper);
  try {
    return parseShare(decodeUtf8(plaintext));
  } catch {
    throw openFailed();
  } finally {
    plaintext.fill(0);
  }
}
