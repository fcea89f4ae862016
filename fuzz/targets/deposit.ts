import { parseDeposit } from '@bulla/crypto';
import { match } from 'node:assert/strict';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** A key for the vault: header, encrypted key and ciphertext, one on each line. It is for nobody else. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseDeposit(token));
  if (parsed === undefined) return false;
  requireJwe(token, parsed);
  match(parsed.header.aud, /^urn:bulla:[a-z0-9][a-z0-9-]*:svc:vault$/);
  return true;
}
