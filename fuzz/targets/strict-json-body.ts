import { deepEqual, equal, ok } from 'node:assert/strict';
import { strictParse, strictParseBody } from '@bulla/crypto';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

const LIMITS = { maxBytes: 4096, maxValues: 512 };
const utf8 = (text: string) => own(Buffer.from(text));

/** JSON of an HTTP body. */
export function fuzz(input: Uint8Array): boolean {
  const value = read(() => strictParseBody(own(input), LIMITS));
  if (value === undefined) return false;
  const text = Buffer.from(input).toString('utf8');
  ok(Buffer.from(text).equals(input));
  deepEqual(value, JSON.parse(text));
  requireStable(value);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) refuseSecond(text, value);
  return true;
}

/** Its one spelling means the same to both parsers. */
function requireStable(value: unknown): void {
  const spelled = utf8(JSON.stringify(value));
  // Minus zero is zero when it is written again.
  const again = JSON.parse(JSON.stringify(value)) as unknown;
  const limits = { maxBytes: Infinity };
  deepEqual(strictParse(spelled, limits), again);
  deepEqual(strictParseBody(spelled, limits), again);
}

/** With any of its members a second time it would be refused. */
function refuseSecond(text: string, value: object): void {
  const open = text.indexOf('{') + 1;
  for (const name of Object.keys(value)) {
    const twice = `${text.slice(0, open)}${JSON.stringify(name)}:0,${text.slice(open)}`;
    equal(
      read(() => strictParseBody(utf8(twice), { maxBytes: Infinity })),
      undefined,
    );
  }
}
