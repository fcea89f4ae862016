import { describe, expect, it } from '@jest/globals';
import { gather, piecesOf } from '../../test/pieces.js';
import { bytes, CONTENT, NOTHING } from '../../test/sealed-streams.js';
import { alice, bob, carol, hashOf, open, partsOf, seal, signed } from '../../test/streamed-letters.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, utf8 } from '../encoding/bytes.js';
import { CHUNK_BYTES, sealChunks } from '../streams/chunked.js';
import { signJws } from '../tokens/compact.js';
import { openAs } from './open/letter.js';
import { Secret } from '../encoding/secret.js';
import { LETTER_END, letterEndOf, STREAMED_LETTER, streamContext } from './streamed-letter.js';

/** A holder of the key can do this: make another stream after the same letter. */
async function restreamed(file: Bytes, text: (inner: string) => Promise<Bytes>): Promise<Bytes> {
  const { letter } = partsOf(file);
  const token = new TextDecoder().decode(letter).trimEnd();
  const opened = await openAs(STREAMED_LETTER, token, alice.unwrapper, bob.verifying);
  const options = { key: new Secret(opened.letter.content), context: await streamContext(token) };
  return concatBytes(letter, await gather(sealChunks(piecesOf([await text(opened.inner)]), options)));
}
const ended = (content: Uint8Array, end: string) => concatBytes(content, utf8(`\n${end}`));

describe('whoever has the key of a stream', () => {
  const OTHER = utf8('Pay Mallory.');
  it('can make the same stream again', async () => {
    const file = await restreamed(await seal(), async (inner) => ended(CONTENT, await signed(CONTENT, inner)));
    expect(await open(file)).toEqual({ content: CONTENT, end: 'complete' });
  });

  it.each<[string, (inner: string) => Promise<Bytes>]>([
    ['no end', () => Promise.resolve(OTHER)],
    ['an end that is no token', () => Promise.resolve(ended(OTHER, 'end'))],
    ['the end of longer content', async (inner) => ended(OTHER, await signed(CONTENT, inner))],
    [
      'an end that says another size',
      async (inner) => {
        const due = await letterEndOf(inner, hashOf(OTHER));
        return ended(OTHER, await signJws(LETTER_END, { ...due, size: due.size + 1 }, bob.signer));
      },
    ],
    [
      'the end of content as long [guard: streamed-end-hash]',
      async (inner) => ended(OTHER, await signed(utf8('Pay Bob, now'), inner)),
    ],
    [
      'an end of their own [guard: streamed-end-signature]',
      async (inner) => ended(OTHER, await signed(OTHER, inner, carol)),
    ],
    ['an end of another letter [guard: streamed-end-letter]', async () => ended(OTHER, await signed(OTHER, 'a.b.c'))],
    [
      'a byte more before the end',
      async (inner) => ended(concatBytes(OTHER, Uint8Array.of(0)), await signed(OTHER, inner)),
    ],
    ['a byte less before the end', async (inner) => ended(OTHER.slice(1), await signed(OTHER, inner))],
    ['something after the end', async (inner) => concatBytes(ended(OTHER, await signed(OTHER, inner)), utf8('='))],
    ['a line after the end', async (inner) => concatBytes(ended(OTHER, await signed(OTHER, inner)), utf8('\n'))],
  ])('cannot put other content into it: with %s', async (_name, text) => {
    expect(await open(await restreamed(await seal(OTHER), text))).toEqual({ content: NOTHING, end: 'open_failed' });
  });

  it('is found out at the end of a large file, whose beginning was given out', async () => {
    const other = bytes(3 * CHUNK_BYTES).fill(1);
    const file = await restreamed(await seal(), async (inner) => ended(other, await signed(CONTENT, inner)));
    const { content, end } = await open(file);
    expect(end).toBe('open_failed');
    expect(content.length).toBeLessThan(other.length);
  });
});
