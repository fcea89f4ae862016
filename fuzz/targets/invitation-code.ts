import { deepEqual, equal } from 'node:assert/strict';
import { encodeInvitationCode, parseInvitationCode } from '@bulla/crypto';
import { textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** The JSON of an invitation code, and a text that may be a whole one. */
export function fuzz(input: Uint8Array): boolean {
  let accepted = false;
  for (const text of [textOf(input), `bulla1_${Buffer.from(input).toString('base64url')}`]) {
    const code = read(() => parseInvitationCode(text));
    if (code === undefined) continue;
    accepted = true;
    deepEqual(parseInvitationCode(encodeInvitationCode(code)), code);
    equal(new URL(code.url).username, '');
  }
  return accepted;
}
