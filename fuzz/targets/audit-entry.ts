import { deepEqual } from 'node:assert/strict';
import { encodeLeaf, parseLeaf } from '@bulla/contract';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** An entry of an audit log, as a service wrote it. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const leaf = read(() => parseLeaf(text), 'SyntaxError', 'ZodError');
  if (leaf === undefined) return false;
  const { id, t, org, rid, ...event } = leaf;
  deepEqual(parseLeaf(encodeLeaf({ id, t, org, ...(rid !== undefined && { rid }) }, event)), leaf);
  return true;
}
