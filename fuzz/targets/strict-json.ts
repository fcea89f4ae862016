import { deepEqual, equal, ok } from 'node:assert/strict';
import { strictParse, strictParseBody } from '@bulla/crypto';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

const LIMITS = { maxBytes: 4096, maxValues: 512 };

/** JSON of a token. */
export function fuzz(input: Uint8Array): boolean {
  const bytes = own(input);
  const value = read(() => strictParse(bytes, LIMITS));
  if (value === undefined) return false;
  const text = Buffer.from(input).toString('utf8');
  ok(input.length <= LIMITS.maxBytes);
  equal(JSON.stringify(value), text);
  deepEqual(value, JSON.parse(text));
  deepEqual(strictParseBody(bytes, LIMITS), value);
  return true;
}
