import { equal } from 'node:assert/strict';
import { answerText } from '@bulla/crypto';
import { own } from './kit/input.js';
import { read } from './kit/refusals.js';

/** The deltas of an answer. How they were cut says nothing: the first byte is where. */
export function fuzz(input: Uint8Array): boolean {
  const [length = 0, ...rest] = input;
  const bytes = own(Uint8Array.from(rest));
  const deltas = Array.from({ length: Math.ceil(bytes.length / (length + 1)) }, (_, at) =>
    bytes.slice(at * (length + 1), (at + 1) * (length + 1)),
  );
  const text = read(() => answerText([bytes]));
  equal(
    read(() => answerText(deltas)),
    text,
  );
  return text !== undefined;
}
