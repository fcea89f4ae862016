import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bytes, NOTHING } from '../../test/sealed-streams.js';
import { flipBit } from '../../test/test-log.js';
import { encodeHex } from '../encoding/bytes.js';
import { ContentHash } from './content-hash.js';

function hashOf(...pieces: Uint8Array[]): { size: number; hash: string } {
  const hash = new ContentHash();
  for (const piece of pieces) hash.add(piece);
  return { size: hash.size, hash: encodeHex(hash.end()) };
}

const byNode = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('the hash of content', () => {
  it.each([0, 1, 55, 56, 64, 65, 16_384, 49_157])('of %i bytes is their SHA-256, beside their number', (length) => {
    expect(hashOf(bytes(length))).toEqual({ size: length, hash: byNode(bytes(length)) });
  });

  it('is the same of pieces, empty ones among them', () => {
    const [content, all] = [bytes(40_000), { size: 40_000, hash: byNode(bytes(40_000)) }];
    expect(hashOf(content.slice(0, 1), NOTHING, content.slice(1, 20_000), content.slice(20_000), NOTHING)).toEqual(all);
  });

  it('is another for other content', () => {
    const content = bytes(32_768);
    const others = [content.slice(1), flipBit(content, 9), content.slice(0, 16_384), content.toReversed(), NOTHING];
    const hashes = [content, ...others].map((one) => hashOf(one).hash);
    expect(new Set(hashes).size).toBe(6);
  });

  it('says how many bytes it has before it ends, and takes none after', () => {
    const hash = new ContentHash();
    hash.add(bytes(3));
    expect(hash.size).toBe(3);
    hash.end();
    expect(() => hash.add(bytes(1))).toThrow('Digest already called');
    expect(hash.size).toBe(3);
  });
});
