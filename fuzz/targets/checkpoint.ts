import { equal } from 'node:assert/strict';
import { parseCheckpoint } from '@bulla/crypto/log';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** The text of a checkpoint. */
export function fuzz(input: Uint8Array): boolean {
  const text = textOf(input);
  const checkpoint = read(() => parseCheckpoint(text));
  if (checkpoint === undefined) return false;
  const { origin, size, root, extensions } = checkpoint;
  const lines = [origin, String(size), Buffer.from(root).toString('base64'), ...extensions];
  equal(`${lines.join('\n')}\n`, text);
  return true;
}
