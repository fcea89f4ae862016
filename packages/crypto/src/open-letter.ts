import { decodeUtf8 } from './bytes.js';
import { CryptoError } from './errors.js';
import type { VerifyingKey } from './keys.js';
import type { Letter } from './letter.js';
import { letterAlgOf, parseLetter, verifyInnerLetter } from './letter.js';
import { openFailed, openWith } from './open-compact.js';
import type { Unwrapper } from './signer.js';

/**
 * Opens a letter to the holder of `recipient`, if `sender` signed it (docs/spec/letter.md).
 * @throws {CryptoError} key_invalid if the sender's key signs no letters; token_malformed, payload_too_large for what is no letter; key_unknown if it is sealed to another
 *   key; else open_failed, whatever went wrong
 */
export async function openLetter(token: string, recipient: Unwrapper, sender: VerifyingKey): Promise<Letter> {
  letterAlgOf(sender);
  const parsed = parseLetter(token);
  if (parsed.header.kid !== recipient.kid || parsed.header.alg !== recipient.alg)
    throw new CryptoError('key_unknown', 'the letter is sealed to another key');
  const inner = await openWith(parsed, recipient);
  try {
    return await verifyInnerLetter(decodeUtf8(inner), sender, recipient.kid);
  } catch {
    // The private key was used: that the letter opened, but is by somebody else, is nobody's to know.
    throw openFailed();
  }
}
