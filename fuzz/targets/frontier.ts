import { deepEqual } from 'node:assert/strict';
import { encodeFrontier, parseFrontier, treeHeadOf } from '@bulla/crypto/log';
import { linesOf, own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** A stored frontier: the size of its tree on the first line, then the peaks. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const [digits = new Uint8Array(), peaks = new Uint8Array()] = linesOf(input, 2);
  const size = Number(textOf(digits));
  const frontier = read(() => parseFrontier(size, own(peaks)));
  if (frontier === undefined) return false;
  deepEqual(encodeFrontier(frontier), own(peaks));
  await treeHeadOf(frontier);
  return true;
}
