import { equal } from 'node:assert/strict';
import { encodeNoteKey, parseWitnessKey } from '@bulla/crypto/log';
import { textOf } from './kit/input.js';
import { readLater } from './kit/refusals.js';

/** The key of a witness, as it is handed on. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const text = textOf(input);
  const key = await readLater(() => parseWitnessKey(text));
  if (key !== undefined) equal(encodeNoteKey(key), text);
  return key !== undefined;
}
