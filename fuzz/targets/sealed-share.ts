import { parseSealedShare } from '@bulla/crypto';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** A share on its way: header, encrypted key and ciphertext, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseSealedShare(token));
  if (parsed !== undefined) requireJwe(token, parsed);
  return parsed !== undefined;
}
