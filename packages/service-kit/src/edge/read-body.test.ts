import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Problem } from '@bulla/contract';
import { describe, expect, it } from '@jest/globals';
import { readBody } from './read-body.js';

/** What is read of a body that comes in these pieces. */
async function readOf(pieces: readonly Uint8Array[], bytesMax = 1_000_000) {
  const request = new IncomingMessage(new Socket());
  const { promise, resolve } = Promise.withResolvers<Uint8Array | Problem>();
  readBody(request, bytesMax, { refuse: () => undefined, onCut: () => {}, onEnd: resolve });
  for (const piece of pieces) request.push(piece);
  request.push(null);
  const body = await promise;
  return body instanceof Problem ? body.code : Array.from(body);
}

const filled = (length: number, byte: number) => Buffer.from(new Uint8Array(length).fill(byte).buffer);

describe('a body', () => {
  it.each<[string, Uint8Array[]]>([
    ['in one piece', [filled(4, 1)]],
    ['in several', [filled(4, 1), filled(2, 2), filled(1, 3)]],
    ['empty', []],
    // All of them are as long as the memory that the first is a part of.
    ['whose first piece is a part of something else', [filled(4, 9).subarray(1, 3), filled(2, 2)]],
    ['in one piece of something else', [filled(4, 9).subarray(1, 3)]],
  ])('is read %s', async (_how, pieces) => {
    expect(await readOf(pieces)).toEqual(Array.from(Buffer.concat(pieces)));
  });

  it('is refused where it is longer than it may be', async () => {
    expect(await readOf([filled(3, 1), filled(2, 1)], 4)).toBe('payload_too_large');
  });
});
