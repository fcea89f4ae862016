import { parseLetter } from '@bulla/crypto/letters';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** The outside of a letter: header, encrypted key and ciphertext, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseLetter(token));
  if (parsed !== undefined) requireJwe(token, parsed);
  return parsed !== undefined;
}
