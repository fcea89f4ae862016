import { equal } from 'node:assert/strict';
import { encodeNoteKey, parseNoteKey } from '@bulla/crypto/log';
import { textOf } from './kit/input.js';
import { readLater } from './kit/refusals.js';

/** The key of a log, as it is handed on. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const text = textOf(input);
  const key = await readLater(() => parseNoteKey(text));
  if (key !== undefined) equal(encodeNoteKey(key), text);
  return key !== undefined;
}
