import { deepEqual, equal } from 'node:assert/strict';
import { encodeLogProof, parseLogProof } from '@bulla/crypto/log';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** What shows offline that a log holds an entry. */
export function fuzz(input: Uint8Array): boolean {
  const proof = read(() => parseLogProof(own(input)));
  if (proof === undefined) return false;
  const spelled = encodeLogProof(proof);
  // The one line that is left out is nobody's word.
  equal(spelled, textOf(input).replace(/^([^\n]*\n)extra [^\n]*\n/, '$1'));
  deepEqual(parseLogProof(own(Buffer.from(spelled))), proof);
  return true;
}
