import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gather, piecesOf } from '../../test/pieces.js';
import type { Ending } from '../../test/sealed-streams.js';
import { bytes, CONTENT, endingOf, NOTHING, partsOf, SEALED_CHUNK_BYTES } from '../../test/sealed-streams.js';
import { flipBit } from '../../test/test-log.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, equalBytes, randomBytes, utf8 } from '../encoding/bytes.js';
import type { ChunkedOptions } from './chunked.js';
import {
  CHUNK_BYTES,
  CHUNK_TAG_BYTES,
  CHUNKED_HEADER_BYTES,
  chunkParameters,
  CHUNKS_MAX,
  newStreamKey,
  sealChunks,
  sealedLength,
  sealStream,
} from './chunked.js';
import { openChunks, openStream } from './open/chunked.js';
import { Secret } from '../encoding/secret.js';

const options: ChunkedOptions = { key: newStreamKey(), context: utf8('prm_1 3 report.pdf') };

const seal = async (text: Uint8Array, under = options) => gather(sealChunks(piecesOf([text]), under));

const open = (sealed: Uint8Array, under = options): Promise<Ending> =>
  endingOf(() => openChunks(piecesOf([sealed]), under));

describe('a sealed stream', () => {
  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5])(
    'of %i bytes opens to them and is as long as was said',
    async (length) => {
      const text = bytes(length);
      const sealed = await seal(text);
      expect(sealed).toHaveLength(sealedLength(length));
      expect(await open(sealed)).toEqual({ content: text, end: 'complete' });
    },
  );

  it('is the same however its text, and it, are cut into pieces', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 2 * CHUNK_BYTES }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 20_000 }),
        async (lengths, cut) => {
          const parts = lengths.map(bytes);
          const sealed = await gather(sealChunks(piecesOf(parts), options));
          const cuts = Array.from({ length: Math.ceil(sealed.length / cut) }, (_, at) =>
            sealed.subarray(at * cut, (at + 1) * cut),
          );
          const opened = await gather(openChunks(piecesOf(cuts), options));
          expect(equalBytes(opened, concatBytes(...parts))).toBe(true);
        },
      ),
      { numRuns: 40 },
    ));

  it('never repeats: every stream has its own salt', async () => {
    const [one, other] = [await seal(CONTENT), await seal(CONTENT)];
    expect(one.slice(0, 24)).not.toEqual(other.slice(0, 24));
    expect(one.slice(24)).not.toEqual(other.slice(24));
  });

  it('opens under its own key and context only [guard: stream-context]', async () => {
    const sealed = await seal(CONTENT);
    const nothing = { content: NOTHING, end: 'open_failed' };
    expect(await open(sealed, { ...options, key: newStreamKey() })).toEqual(nothing);
    for (const context of ['', 'prm_1 3 report.pd', 'prm_1 4 report.pdf', 'prm_2 3 report.pdf'])
      expect(await open(sealed, { ...options, context: utf8(context) })).toEqual(nothing);
  });

  it.each([0, 16, 31, 33])('is not made, nor opened, under a key of %i bytes [guard: stream-key]', async (length) => {
    const short = { ...options, key: new Secret(new Uint8Array(length)) };
    await expect(seal(CONTENT, short)).rejects.toMatchObject({ code: 'key_invalid' });
    expect(await open(await seal(CONTENT), short)).toMatchObject({ end: 'key_invalid' });
  });

  it('is sealed and opened under the key as it was when that began', async () => {
    const once = () => ({ ...options, key: new Secret(options.key.reveal().slice()) });
    const [sealing, opening] = [once(), once()];
    const chunks = sealChunks(piecesOf([CONTENT]), sealing);
    const stream = sealStream(sealing).readable;
    sealing.key.wipe();
    const sealed = await gather(chunks);
    const opened = openChunks(piecesOf([sealed]), opening);
    opening.key.wipe();
    expect(equalBytes(await gather(opened), CONTENT)).toBe(true);
    await stream.cancel();
  });

  it('has a counter of 32 bits in its nonces, and no more chunks than that [guard: stream-length]', () => {
    const base = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0, 0, 0xff);
    const iv = (index: number) => [...new Uint8Array(chunkParameters(base, index).iv as ArrayBuffer)].slice(8);
    expect(iv(0)).toEqual([0xff, 0, 0, 0xff]);
    expect(iv(0x01020304)).toEqual([0xfe, 2, 3, 0xfb]);
    expect(iv(CHUNKS_MAX - 1)).toEqual([0, 0xff, 0xff, 0]);
    expect(() => chunkParameters(base, CHUNKS_MAX)).toThrow(expect.objectContaining({ code: 'payload_too_large' }));
  });
});

describe('a changed stream', () => {
  it('gives out an exact prefix and then fails, whichever bit was flipped', async () => {
    const sealed = await seal(CONTENT);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.length * 8 - 1 }), async (bit) => {
        const { content, end } = await open(flipBit(sealed, bit));
        const chunk = Math.floor(((bit >> 3) - CHUNKED_HEADER_BYTES) / SEALED_CHUNK_BYTES);
        expect(end).toBe('open_failed');
        expect(equalBytes(content, CONTENT.slice(0, Math.max(0, chunk) * CHUNK_BYTES))).toBe(true);
      }),
      { numRuns: 200, examples: [[0], [24 * 8], [CHUNKED_HEADER_BYTES * 8], [sealed.length * 8 - 1]] },
    );
  });

  it('gives out an exact prefix and then fails, wherever it was cut', async () => {
    const sealed = await seal(CONTENT);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: sealed.length - 1 }), async (length) => {
        const { content, end } = await open(sealed.slice(0, length));
        const [whole, rest] = [
          Math.floor((length - CHUNKED_HEADER_BYTES) / SEALED_CHUNK_BYTES),
          (length - CHUNKED_HEADER_BYTES) % SEALED_CHUNK_BYTES,
        ];
        expect(end).toBe(rest < CHUNK_TAG_BYTES ? 'stream_truncated' : 'open_failed');
        expect(equalBytes(content, CONTENT.slice(0, Math.max(0, whole) * CHUNK_BYTES))).toBe(true);
      }),
      {
        numRuns: 100,
        examples: [0, 23, 24, 55, 56, 57, 72, 56 + SEALED_CHUNK_BYTES, 56 + 2 * SEALED_CHUNK_BYTES].map(
          (at) => [at] as [number],
        ),
      },
    );
  });

  it('gives out an exact prefix and then fails, whichever chunks were moved, left out or doubled [guard: stream-order]', async () => {
    const sealed = await seal(CONTENT);
    const { header, chunks } = partsOf(sealed);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: chunks.length - 1 }), { maxLength: 6 }), async (order) => {
        const { content, end } = await open(concatBytes(header, ...order.flatMap((at) => chunks.slice(at, at + 1))));
        expect(equalBytes(content, CONTENT.slice(0, content.length))).toBe(true);
        expect(end === 'complete').toBe(order.join() === '0,1,2,3');
        expect(end === 'complete' || content.length % CHUNK_BYTES === 0).toBe(true);
      }),
      { numRuns: 200, examples: [[[0, 1, 2, 3]], [[0, 1, 3]], [[0, 1, 2, 3, 3]], [[1, 0, 2, 3]], [[0, 0, 1, 2, 3]]] },
    );
  });

  it.each<[string, (sealed: Bytes, other: Bytes) => Bytes]>([
    ['a byte more', (sealed) => concatBytes(sealed, Uint8Array.of(0))],
    ['another whole chunk', (sealed, other) => concatBytes(sealed, other.slice(CHUNKED_HEADER_BYTES))],
    ['the header of another', (sealed, other) => concatBytes(other.slice(0, 56), sealed.slice(56))],
    ['the salt of another', (sealed, other) => concatBytes(other.slice(0, 24), sealed.slice(24))],
    [
      'a chunk of another',
      (sealed, other) =>
        concatBytes(
          sealed.slice(0, 56),
          other.slice(56, 56 + SEALED_CHUNK_BYTES),
          sealed.slice(56 + SEALED_CHUNK_BYTES),
        ),
    ],
  ])('fails with %s', async (_name, change) => {
    const opened = await open(change(await seal(CONTENT), await seal(CONTENT)));
    expect(opened.end).toBe('open_failed');
    expect(opened.content.length).toBeLessThan(CONTENT.length);
  });

  it('fails with a full chunk for its last, rightly sealed [guard: stream-end]', async () => {
    const sealed = await seal(bytes(CHUNK_BYTES));
    const opened = await open(sealed.slice(0, -CHUNK_TAG_BYTES));
    expect(opened).toEqual({ content: bytes(CHUNK_BYTES), end: 'stream_truncated' });
  });

  it('fails again for whoever goes on after it failed [guard: stream-fails-again]', async () => {
    const reading = openChunks(
      piecesOf([flipBit(await seal(CONTENT), 8 * (CHUNKED_HEADER_BYTES + SEALED_CHUNK_BYTES))]),
      options,
    );
    await expect(reading.next()).resolves.toMatchObject({ done: false });
    for (let time = 0; time < 3; time++) await expect(reading.next()).rejects.toMatchObject({ code: 'open_failed' });
  });

  it('fails with another commitment, although every chunk is good [guard: stream-commitment]', async () => {
    const sealed = await seal(CONTENT);
    const opened = await open(concatBytes(sealed.slice(0, 24), randomBytes(32), sealed.slice(56)));
    expect(opened).toEqual({ content: NOTHING, end: 'open_failed' });
  });
});

describe('as web streams', () => {
  const through = async (text: Uint8Array) => {
    const source = new Blob([Uint8Array.from(text)]).stream();
    const plain = source.pipeThrough(sealStream(options)).pipeThrough(openStream(options));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  };

  it('sealing and opening give the text back', async () => {
    for (const length of [0, 1, CHUNK_BYTES, 5 * CHUNK_BYTES + 1])
      expect(equalBytes(await through(bytes(length)), bytes(length))).toBe(true);
  });

  it('nothing more is asked for while what came is not read', async () => {
    let asked = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          asked += 1;
          controller.enqueue(bytes(8 * CHUNK_BYTES));
          if (asked === 9) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const reader = source.pipeThrough(sealStream(options)).getReader();
    await reader.read();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    // One piece is being sealed, and one may wait to be taken.
    expect(asked).toBeLessThanOrEqual(2);
    let count = 1;
    while (!(await reader.read()).done) count += 1;
    expect([asked, count]).toEqual([9, 1 + 9 * 8 + 1]);
  });

  it('a refusal reaches the reader and the writer', async () => {
    const { readable, writable } = openStream(options);
    const writer = writable.getWriter();
    const writing = writer.write(flipBit(await seal(CONTENT), 600));
    await expect(readable.getReader().read()).rejects.toMatchObject({ code: 'open_failed' });
    await writing;
    await expect(writer.closed).rejects.toMatchObject({ code: 'open_failed' });
  });

  it('a writer that breaks off is no end', async () => {
    const { readable, writable } = openStream(options);
    const writer = writable.getWriter();
    const reading = new Response(readable).arrayBuffer();
    await writer.write((await seal(CONTENT)).slice(0, -1)).catch(() => undefined);
    await writer.abort(new Error('the disk is gone'));
    await expect(reading).rejects.toThrow('the disk is gone');
  });

  it('a reader that leaves ends the writer, even one that is waited for', async () => {
    const { readable, writable } = sealStream(options);
    const reader = readable.getReader();
    await reader.read();
    const waiting = reader.read();
    await reader.cancel('enough');
    await waiting;
    await expect(writable.getWriter().closed).rejects.toBe('enough');
  });
});
