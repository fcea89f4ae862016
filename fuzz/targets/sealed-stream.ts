import { deepEqual } from 'node:assert/strict';
import type { Bytes } from '@bulla/crypto';
import { Secret } from '@bulla/crypto';
import { openChunks } from '@bulla/crypto/open';
import { own } from './kit/input.js';
import { readLater } from './kit/refusals.js';

/** Key, context and text of the vector `a short text`; the seed is its stream. */
const KEY = Buffer.from('KIC5VUW7yI17cp_2dFjTZZqRojAuwmhbpsLbGa13Fp0', 'base64url');
const CONTEXT = own(Buffer.from('an example'));
const TEXT = 'Ask for the policy number.';

/** A sealed stream under a key that is known, in pieces of the length that the first byte says. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const length = (input[0] ?? 0) + 1;
  const sealed = own(input.subarray(1));
  const whole = await readLater(() => open(sealed, sealed.length + 1));
  const cut = await readLater(() => open(sealed, length));
  deepEqual(cut, whole);
  // Nobody has another stream under this key, so what opens is that text.
  if (whole !== undefined) deepEqual(Buffer.from(whole).toString(), TEXT);
  return whole !== undefined;
}

async function open(sealed: Bytes, length: number): Promise<Bytes> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < sealed.length; at += length) yield sealed.subarray(at, at + length);
  }
  const opened: Uint8Array[] = [];
  for await (const piece of openChunks(pieces(), { key: new Secret(own(KEY)), context: CONTEXT })) opened.push(piece);
  return own(Buffer.concat(opened));
}
