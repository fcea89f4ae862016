import { beforeAll, describe, expect, it } from '@jest/globals';
import { gather, piecesOf } from '../../../test/pieces.js';
import type { Bytes } from '../../encoding/bytes.js';
import { utf8 } from '../../encoding/bytes.js';
import type { ChunkedOptions } from '../chunked.js';
import { CHUNK_BYTES, newStreamKey, sealChunks } from '../chunked.js';
import { openChunks } from './chunked.js';

const options: ChunkedOptions = { key: newStreamKey(), context: utf8('prm_1 3 report.pdf') };
let sealed: Bytes;

beforeAll(async () => {
  sealed = await gather(sealChunks(piecesOf([new Uint8Array(2 * CHUNK_BYTES)]), options));
});

/** A source that says whether it was ended, as a file wants to be closed. */
function watched(bytes: Uint8Array): { source: AsyncIterable<Uint8Array>; isEnded: () => boolean } {
  let ended = false;
  async function* read() {
    try {
      for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
    } finally {
      ended = true;
    }
  }
  return { source: read(), isEnded: () => ended };
}

describe('what a sealed stream is read from', () => {
  it('is ended when somebody stops in the middle', async () => {
    const { source, isEnded } = watched(sealed);
    for await (const plaintext of openChunks(source, options)) {
      expect(plaintext).toHaveLength(CHUNK_BYTES);
      expect(isEnded()).toBe(false);
      break;
    }
    expect(isEnded()).toBe(true);
  });

  it('is ended when it is refused at its head', async () => {
    const { source, isEnded } = watched(sealed);
    const opening = gather(openChunks(source, { ...options, key: newStreamKey() }));
    await expect(opening).rejects.toMatchObject({ code: 'open_failed' });
    expect(isEnded()).toBe(true);
  });

  it('need not be something that can be ended', async () => {
    const pieces = [sealed];
    const next = async () => {
      const value = pieces.shift();
      return value === undefined ? { done: true as const, value } : { done: false as const, value };
    };
    const source = { [Symbol.asyncIterator]: () => ({ next }) };
    await expect(gather(openChunks(source, options))).resolves.toHaveLength(2 * CHUNK_BYTES);
  });
});

describe('what is given out', () => {
  it.each([
    [0, 0],
    [1, 1],
    [2, 2 * CHUNK_BYTES],
    [3, 2 * CHUNK_BYTES + 1],
  ])('are %i pieces of %i bytes, none of them empty', async (count, length) => {
    const stream = await gather(sealChunks(piecesOf([new Uint8Array(length)]), options));
    const lengths: number[] = [];
    for await (const piece of openChunks(piecesOf([stream]), options)) lengths.push(piece.length);
    expect(lengths).toHaveLength(count);
    expect(lengths).not.toContain(0);
  });
});
