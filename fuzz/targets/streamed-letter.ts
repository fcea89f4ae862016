import { deepEqual, equal } from 'node:assert/strict';
import type { Bytes } from '@bulla/crypto';
import { verifyingKeyOf } from '@bulla/crypto';
import { importPublicKeys } from '@bulla/crypto/key-files';
import { isStreamedLetter, loadUnwrapper, openStreamedLetter } from '@bulla/crypto/open';
import { own } from './kit/input.js';
import { readLater } from './kit/refusals.js';

/** Recipient, sender and text of the vector `P-256 to P-256`; the seed is that file. */
const recipient = await loadUnwrapper(
  {
    kty: 'EC',
    crv: 'P-256',
    x: 'FLltGhiL6wpZL6O3KVrL7LTtiIqSUwK2iLSo2M_q81k',
    y: 'DYziIlBZE2Gws-ihrAWYhF8JshiMnLsDTs2EJxwv0Ow',
    d: 'rQIUgsJt2ZIYaoAUnZaWDxMfLRMLIA-zU5wMS5bBSMo',
  },
  'ECDH-ES+A256KW',
);
const SENDER =
  '{"kty":"EC","crv":"P-256","x":"KSe85FXOABbK6RuZt5dwxIZKV1rCd-5s0wMAtFu7BSs","y":"a0Yacmgx2HKCmsrtu2xRqpA-1KLWXoWGvC0Z_tP5QgI"}';
const sender = verifyingKeyOf(await importPublicKeys(own(Buffer.from(SENDER))));
const TEXT = 'The key lies under the third stone.\nThe stone lies by the river.\n';

/** A file of any size from one person to another, in pieces of the length that the first byte says. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const length = (input[0] ?? 0) + 1;
  const file = own(input.subarray(1));
  const whole = await readLater(() => open(file, file.length + 1));
  const cut = await readLater(() => open(file, length));
  deepEqual(cut, whole);
  if (whole === undefined) return false;
  // Only the sender can write another, and wrote this one.
  deepEqual(whole, { text: TEXT, name: 'minutes.txt' });
  equal(isStreamedLetter(file), true);
  return true;
}

async function open(
  file: Bytes,
  length: number,
): Promise<{ readonly text: string; readonly name: string | undefined }> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < file.length; at += length) yield file.subarray(at, at + length);
  }
  const { content, name } = await openStreamedLetter(pieces(), recipient, sender);
  const opened: Uint8Array[] = [];
  for await (const piece of content) opened.push(piece);
  return { text: Buffer.concat(opened).toString(), name };
}
