import { parseKek } from '@bulla/crypto/open';
import { deepEqual, equal } from 'node:assert/strict';
import { read } from './kit/refusals.js';
import { jweOf, requireJwe } from './kit/tokens.js';

/** A key of the organisation under the root key: header, encrypted key and ciphertext, one on each line. */
export function fuzz(input: Uint8Array): boolean {
  const token = jweOf(input);
  const parsed = read(() => parseKek(token));
  if (parsed === undefined) return false;
  requireJwe(token, parsed);
  const { org, kek, kver, kid } = parsed.header;
  deepEqual(kek.split(':'), ['kek', org, String(kver)]);
  equal(kid.split(':')[0], 'root');
  equal(parsed.parts.ciphertext.length, 32);
  return true;
}
