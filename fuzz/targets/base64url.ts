import { deepEqual, equal } from 'node:assert/strict';
import { decodeBase64url, encodeBase64url } from '@bulla/crypto';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** Text of base64url, and bytes that become some. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const decoded = read(() => decodeBase64url(text));
  const known = Buffer.from(text, 'base64url');
  // Node is lenient: it is one value's one spelling exactly where Node spells it so.
  equal(decoded !== undefined, known.toString('base64url') === text);
  if (decoded !== undefined) {
    deepEqual(decoded, own(known));
    equal(encodeBase64url(decoded), text);
  }
  equal(encodeBase64url(input), Buffer.from(input).toString('base64url'));
  return decoded !== undefined;
}
