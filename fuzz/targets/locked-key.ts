import { parseLocked } from '@bulla/crypto/key-files';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** A file of keys under a passphrase: header, encrypted key and ciphertext, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseLocked(token));
  if (parsed !== undefined) requireJwe(token, parsed);
  return parsed !== undefined;
}
