import { parseUrn } from '@bulla/crypto';
import { parseKekWrap } from '@bulla/crypto/open';
import { equal, match } from 'node:assert/strict';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** A content key under a key of the organisation: header, encrypted key and ciphertext, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseKekWrap(token));
  if (parsed === undefined) return false;
  requireJwe(token, parsed);
  const { org, sub, kid } = parsed.header;
  equal(parseUrn(sub)?.org, org);
  match(kid, /^kek:[a-z0-9][a-z0-9-]*:[1-9][0-9]*$/);
  equal(kid.split(':')[1], org);
  equal(parsed.parts.ciphertext.length, 32);
  return true;
}
