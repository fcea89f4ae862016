import { deepEqual, equal } from 'node:assert/strict';
import { parseHead } from '@bulla/crypto';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** The head of a reply. */
export function fuzz(input: Uint8Array): boolean {
  const head = read(() => parseHead(own(input)));
  if (head === undefined) return false;
  const text = textOf(input);
  deepEqual(head, JSON.parse(text));
  equal(JSON.stringify(JSON.parse(text)), text);
  return true;
}
