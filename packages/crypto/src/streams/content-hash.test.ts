import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytes, NOTHING } from '../../test/sealed-streams.js';
import { flipBit } from '../../test/test-log.js';
import { encodeHex } from '../encoding/bytes.js';
import { CHUNK_BYTES } from './chunked.js';
import { ContentHash } from './content-hash.js';

async function hashOf(...pieces: Uint8Array[]): Promise<{ size: number; hash: string }> {
  const hash = new ContentHash();
  for (const piece of pieces) await hash.add(piece);
  return { size: hash.size, hash: encodeHex(await hash.end()) };
}

/** docs/spec/chunked.md by node:crypto. */
function byThePage(content: Uint8Array): string {
  let hash: Uint8Array = new Uint8Array(32);
  for (let at = 0; at <= content.length; at += CHUNK_BYTES)
    hash = createHash('sha256')
      .update(hash)
      .update(content.subarray(at, at + CHUNK_BYTES))
      .digest();
  return Buffer.from(hash).toString('hex');
}

describe('the hash of content', () => {
  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5])(
    'of %i bytes is what the page says',
    async (length) => {
      expect(await hashOf(bytes(length))).toEqual({ size: length, hash: byThePage(bytes(length)) });
    },
  );

  it('is the same however it is cut', async () => {
    const content = bytes(3 * CHUNK_BYTES + 5);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(content.length), { maxLength: 6 }), async (places) => {
        const cuts = [0, ...places.toSorted((a, b) => a - b), content.length];
        const pieces = cuts.slice(1).map((end, index) => content.slice(cuts[index], end));
        expect(await hashOf(...pieces)).toEqual({ size: content.length, hash: byThePage(content) });
      }),
      { numRuns: 30 },
    );
  });

  it('is another for other content', async () => {
    const content = bytes(2 * CHUNK_BYTES);
    const others = [
      content.slice(1),
      flipBit(content, 9),
      content.slice(0, CHUNK_BYTES),
      content.toReversed(),
      NOTHING,
    ];
    const hashes = await Promise.all([content, ...others].map((one) => hashOf(one)));
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(6);
  });
});
