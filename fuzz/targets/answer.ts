import { deepEqual, equal } from 'node:assert/strict';
import { answerText, decodeBase64url, parseAnswer } from '@bulla/crypto';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** An answer file. */
export function fuzz(input: Uint8Array): boolean {
  const answer = read(() => parseAnswer(own(input)));
  if (answer === undefined) return false;
  const text = textOf(input);
  equal(`${JSON.stringify(JSON.parse(text))}\n`, text);
  deepEqual(answer, JSON.parse(text));
  deepEqual(parseAnswer(text), answer);
  read(() => answerText(answer.evidence.deltas.map(decodeBase64url)));
  return true;
}
