import { deepEqual, equal, ok } from 'node:assert/strict';
import { NOTE_SIGNATURES_MAX, parseNote } from '@bulla/crypto/log';
import { own, textOf } from './kit/input.js';
import { read } from './kit/refusals.js';

/** A signed note. */
export function fuzz(input: Uint8Array): boolean {
  const note = read(() => parseNote(own(input)));
  if (note === undefined) return false;
  ok(note.signatures.length > 0 && note.signatures.length <= NOTE_SIGNATURES_MAX);
  const lines = note.signatures.map(({ name, id, signature }) => {
    const bytes = Buffer.concat([Buffer.from(id, 'hex'), signature]);
    return `\u2014 ${name} ${bytes.toString('base64')}\n`;
  });
  equal(`${note.text}\n${lines.join('')}`, textOf(input));
  deepEqual(parseNote(own(Buffer.from(`${note.text}\n${lines.join('')}`))), note);
  return true;
}
