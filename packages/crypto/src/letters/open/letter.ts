import { decodeUtf8 } from '../../encoding/bytes.js';
import { parseJwe } from '../../tokens/compact.js';
import { CryptoError } from '../../names/errors.js';
import type { VerifyingKey } from '../../keys/keys.js';
import type { Letter, LetterFormat } from '../letter.js';
import { LETTER, letterAlgOf, verifyInnerLetter } from '../letter.js';
import { openFailed, openWith } from '../../tokens/open/compact.js';
import type { Unwrapper } from '../../keys/signer.js';

/**
 * Opens a letter to the holder of `recipient`, if `sender` signed it (docs/spec/letter.md).
 * @throws {CryptoError} key_invalid if the sender's key signs no letters; token_malformed, payload_too_large for what
 *   is not a letter; key_unknown if it is sealed to another key; else open_failed, whatever went wrong
 */
export async function openLetter(token: string, recipient: Unwrapper, sender: VerifyingKey): Promise<Letter> {
  return (await openAs(LETTER, token, recipient, sender)).letter;
}

/** Opens a letter of either format, with what the sender signed. */
export async function openAs(
  format: LetterFormat,
  token: string,
  recipient: Unwrapper,
  sender: VerifyingKey,
): Promise<{ letter: Letter; inner: string }> {
  letterAlgOf(sender);
  const parsed = parseJwe(token, format.outer);
  // guard: letter-kid
  if (parsed.header.kid !== recipient.kid || parsed.header.alg !== recipient.alg)
    throw new CryptoError('key_unknown', 'the letter is sealed to another key');
  const plaintext = await openWith(parsed, recipient);
  try {
    const inner = decodeUtf8(plaintext);
    return { letter: await verifyInnerLetter(format, inner, sender, recipient.kid), inner };
  } catch {
    // The private key was used: that the letter opened, but is by somebody else, is nobody's to know.
    // guard: letter-one-error without: throw new CryptoError('signature_invalid', 'x');
    throw openFailed();
  }
}
