import { equal } from 'node:assert/strict';
import {
  parseContent,
  parseEnvelope,
  parseFin,
  parseGrant,
  parseInnerInvocation,
  parseInvocation,
  parseStatement,
  parseTag,
} from '@bulla/crypto';
import { parseLocked } from '@bulla/crypto/key-files';
import { parseLetter } from '@bulla/crypto/letters';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';
import { requireJwe, requireJws } from './kit/tokens.js';

const JWS = [parseStatement, parseEnvelope, parseInnerInvocation, parseTag, parseFin];
const JWE = [parseContent, parseGrant, parseInvocation, parseLocked, parseLetter];

/** The text of a compact token of any kind, dots, alphabet and all. */
export function fuzz(input: Uint8Array): boolean {
  const token = textOf(input);
  let accepted = 0;
  for (const parse of JWS) {
    const parsed = read(() => parse(token));
    if (parsed === undefined) continue;
    accepted++;
    requireJws(token, parsed);
  }
  for (const parse of JWE) {
    const parsed = read(() => parse(token));
    if (parsed === undefined) continue;
    accepted++;
    requireJwe(token, parsed);
  }
  // A token of one kind is not of another kind.
  equal(accepted > 1, false);
  return accepted > 0;
}
