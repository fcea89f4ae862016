import { equal } from 'node:assert/strict';
import type { Bytes } from '@bulla/crypto';
import { Secret } from '@bulla/crypto';
import { ReplyOpener } from '@bulla/crypto/open';
import { linesOf, own } from './kit/input.js';
import { read, readLater } from './kit/refusals.js';

const EXPECTED = {
  iss: 'urn:bulla:acme:svc:responder:eu1',
  irt: { jti: 'inv_01kaw7g0f8e5tte8wk4s2z9y7c', rh: 'A'.repeat(43) },
};

/** A reply by somebody who does not know the secret of the question: the head on the first line, then one frame. */
export async function fuzz(input: Uint8Array): Promise<boolean> {
  const [head = new Uint8Array(), frame = new Uint8Array()] = linesOf(input, 2);
  const [forDelta, forFinal] = [await startAt(own(head)), await startAt(own(head))];
  if (forDelta === undefined || forFinal === undefined) return false;
  const delta = await readLater(() => forDelta.openFrame(own(frame)));
  const final = await readLater(() => forFinal.openFinal(own(frame)));
  const transcript = read(() => forFinal.transcript);
  equal(delta ?? final ?? transcript, undefined);
  return true;
}

function startAt(head: Bytes): Promise<ReplyOpener | undefined> {
  const rsp = new Secret(own(new Uint8Array(32)));
  return readLater(() => ReplyOpener.start({ rsp, head, expect: EXPECTED }));
}
