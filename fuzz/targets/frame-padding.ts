import { deepEqual, equal } from 'node:assert/strict';
import type { FrameKind } from '../../packages/crypto/dist/run/frames.js';
import { pad, unpad } from '../../packages/crypto/dist/run/frames.js';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

const KINDS: readonly FrameKind[] = ['delta', 'final'];

/** The plaintext of a frame, and data to be padded. */
export function fuzz(input: Uint8Array): boolean {
  const opened = KINDS.filter((kind) => {
    const data = read(() => unpad(own(input), kind));
    if (data !== undefined) deepEqual(pad(data, kind, input.length), own(input));
    return data !== undefined;
  });
  // The end of an answer is not a piece of it.
  equal(opened.length > 1, false);
  for (const kind of KINDS) {
    const padded = read(() => pad(own(input), kind));
    if (padded !== undefined) deepEqual(unpad(padded, kind), own(input));
  }
  return opened.length > 0;
}
