import { deepEqual, equal } from 'node:assert/strict';
import { decodeBase64, encodeBase64 } from '../../packages/crypto/dist/encoding/base64.js';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** Text of base64 with padding, and bytes that become some. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const decoded = read(() => decodeBase64(text));
  const known = Buffer.from(text, 'base64');
  equal(decoded !== undefined, known.toString('base64') === text);
  if (decoded !== undefined) {
    deepEqual(decoded, own(known));
    equal(encodeBase64(decoded), text);
  }
  equal(encodeBase64(input), Buffer.from(input).toString('base64'));
  return decoded !== undefined;
}
