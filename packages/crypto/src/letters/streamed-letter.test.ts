import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gather, piecesOf } from '../../test/pieces.js';
import { bytes, CONTENT, NOTHING, SEALED_CHUNK_BYTES } from '../../test/sealed-streams.js';
import { alice, AT, bob, carol, open, partsOf, seal, signed } from '../../test/streamed-letters.js';
import { flipBit } from '../../test/test-log.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, encodeBase64url, equalBytes, utf8 } from '../encoding/bytes.js';
import { CHUNK_BYTES } from '../streams/chunked.js';
import { LETTER, parseLetter, sealAs, sealLetter } from './letter.js';
import { openLetter } from './open/letter.js';
import { isStreamedLetter, openStreamedLetter } from './open/streamed-letter.js';
import type { Unwrapper } from '../keys/signer.js';
import { LETTER_END_MAX_BYTES, NEWLINE, sealStreamedLetter, STREAMED_LETTER } from './streamed-letter.js';

const of = (...chunks: (Bytes | undefined)[]) => chunks.filter((chunk) => chunk !== undefined);

describe('a streamed letter', () => {
  it.each([0, 1, 2000, LETTER_END_MAX_BYTES, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])(
    'of %i bytes opens to them',
    async (length) => {
      expect(await open(await seal(bytes(length)))).toEqual({ content: bytes(length), end: 'complete' });
    },
  );

  it('says who wrote when, and what it is called', async () => {
    const sealed = sealStreamedLetter(piecesOf([CONTENT]), { at: AT }, alice.signer, carol.sealing);
    const { content, ...letter } = await openStreamedLetter(sealed, carol.unwrapper, alice.verifying);
    expect(letter).toEqual({ at: AT, name: undefined });
    expect(equalBytes(await gather(content), CONTENT)).toBe(true);
    const named = await openStreamedLetter(piecesOf([await seal()]), alice.unwrapper, bob.verifying);
    expect(named).toMatchObject({ at: AT, name: 'film.mkv' });
    await named.content.return(undefined);
  });

  it('is the same however its content, and it, are cut into pieces', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 2 * CHUNK_BYTES }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 20_000 }),
        async (lengths, cut) => {
          const parts = lengths.map(bytes);
          const file = await gather(sealStreamedLetter(piecesOf(parts), { at: AT }, alice.signer, carol.sealing));
          const cuts = Array.from({ length: Math.ceil(file.length / cut) }, (_, at) =>
            file.subarray(at * cut, (at + 1) * cut),
          );
          const { content } = await openStreamedLetter(piecesOf(cuts), carol.unwrapper, alice.verifying);
          expect(equalBytes(await gather(content), concatBytes(...parts))).toBe(true);
        },
      ),
      { numRuns: 30 },
    ));

  it('may come in pieces of which one begins with the newline after its letter', async () => {
    const file = await seal();
    const newline = file.indexOf(NEWLINE);
    const pieces = piecesOf([file.subarray(0, newline), file.subarray(newline)]);
    const { content } = await openStreamedLetter(pieces, alice.unwrapper, bob.verifying);
    expect(equalBytes(await gather(content), CONTENT)).toBe(true);
  });

  it('may hold lines, and lines that look like an end', async () => {
    const content = utf8(`one\ntwo\n${await signed(CONTENT, 'a.b.c')}\n`);
    expect(await open(await seal(content))).toEqual({ content, end: 'complete' });
  });

  it('closes its source when it is not read to its end, and when it does not open [guard: streamed-source-closed]', async () => {
    let closed = 0;
    async function* source(file: Bytes): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; at < file.length; at += 1000) yield file.subarray(at, at + 1000);
      } finally {
        closed += 1;
      }
    }
    const file = await seal();
    const { content } = await openStreamedLetter(source(file), alice.unwrapper, bob.verifying);
    await content.next();
    await content.return(undefined);
    await expect(openStreamedLetter(source(file), carol.unwrapper, bob.verifying)).rejects.toThrow('another key');
    expect(closed).toBe(2);
  });

  it('is read from a source that cannot be closed', async () => {
    const closeless = (file: Bytes): AsyncIterable<Uint8Array> => {
      const pieces = piecesOf([file]);
      return { [Symbol.asyncIterator]: () => ({ next: () => pieces.next() }) };
    };
    const file = await seal();
    const { content } = await openStreamedLetter(closeless(file), alice.unwrapper, bob.verifying);
    expect(equalBytes(await gather(content), CONTENT)).toBe(true);
    await expect(openStreamedLetter(closeless(file), carol.unwrapper, bob.verifying)).rejects.toMatchObject({
      code: 'key_unknown',
    });
  });

  it('comes chunk by chunk, and is not gathered first', async () => {
    let read = 0;
    async function* source({ letter, header, chunks }: ReturnType<typeof partsOf>): AsyncGenerator<Uint8Array> {
      for (const piece of [letter, header, ...chunks]) {
        read += 1;
        yield piece;
      }
    }
    const parts = partsOf(await seal());
    const { content } = await openStreamedLetter(source(parts), alice.unwrapper, bob.verifying);
    expect((await content.next()).value?.length).toBe(CHUNK_BYTES - LETTER_END_MAX_BYTES);
    expect(read).toBe(3);
    await content.return(undefined);
  });

  it('is told from other files by its beginning', async () => {
    const file = await seal();
    expect(isStreamedLetter(file)).toBe(true);
    expect(isStreamedLetter(file.subarray(0, 4096))).toBe(true);
    const letter = await sealLetter({ content: CONTENT, at: AT }, bob.signer, alice.sealing);
    for (const other of [NOTHING, utf8('.'), utf8('bnVsbA.'), CONTENT, utf8(letter), file.subarray(0, 20)])
      expect(isStreamedLetter(other)).toBe(false);
  });

  it('has a header of 2 KiB at most', () => {
    const beginning = (length: number) => {
      const header = (x: string) => JSON.stringify({ typ: STREAMED_LETTER.outer.typ, x });
      return utf8(`${encodeBase64url(utf8(header('x'.repeat(length - header('').length))))}.`);
    };
    expect(isStreamedLetter(beginning(2048))).toBe(true);
    expect(isStreamedLetter(beginning(2049))).toBe(false);
  });

  it('is no letter, and a letter is none', async () => {
    const [line = ''] = new TextDecoder().decode(await seal()).split('\n');
    await expect(openLetter(line, alice.unwrapper, bob.verifying)).rejects.toMatchObject({ code: 'token_malformed' });
    expect(() => parseLetter(line)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const { token } = await sealAs(LETTER, { content: bytes(32), at: AT }, bob.signer, alice.sealing);
    expect(await open(utf8(token))).toEqual({ content: NOTHING, end: 'token_malformed' });
  });

  it('holds a key of 32 bytes and nothing else [guard: streamed-key-length]', async () => {
    for (const length of [0, 31]) {
      const short = { content: bytes(length), at: AT };
      const { token } = await sealAs(STREAMED_LETTER, short, bob.signer, alice.sealing);
      expect(await open(utf8(`${token}\n`))).toEqual({ content: NOTHING, end: 'open_failed' });
    }
  });

  it('is not read on in a line that is too long for a letter', async () => {
    let read = 0;
    async function* line(): AsyncGenerator<Uint8Array> {
      for (; read < 100; read += 1) yield new Uint8Array(1000).fill(0x41);
    }
    const opening = openStreamedLetter(line(), alice.unwrapper, bob.verifying);
    await expect(opening).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(read).toBe(16);
  });

  it('is known to be to somebody else before a key is used', async () => {
    const unused: Unwrapper = { ...carol.unwrapper, unwrap: () => Promise.reject(new Error('key was used')) };
    expect(await open(await seal(), { ...carol, unwrapper: unused })).toEqual({ content: NOTHING, end: 'key_unknown' });
  });

  it.each<[string, () => Uint8Array, string]>([
    ['an empty file', () => NOTHING, 'token_malformed'],
    ['bytes that are no text', () => Uint8Array.of(0xff, 0xfe, NEWLINE), 'token_malformed'],
    ['a line without an end', () => new Uint8Array(20_000).fill(0x41), 'payload_too_large'],
  ])('is not %s', async (_name, file, end) => {
    expect(await open(file())).toEqual({ content: NOTHING, end });
  });
});

describe('a changed streamed letter', () => {
  it('gives out an exact prefix and fails, whichever bit was flipped', async () => {
    const file = await seal();
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: file.length * 8 - 1 }), async (bit) => {
        const { content, end } = await open(flipBit(file, bit));
        expect(end).not.toBe('complete');
        expect(equalBytes(content, CONTENT.subarray(0, content.length))).toBe(true);
      }),
      { numRuns: 200, examples: [[0], [partsOf(file).letter.length * 8 - 1], [file.length * 8 - 1]] },
    );
  });

  it('gives out an exact prefix and fails, wherever it was cut', async () => {
    const file = await seal();
    const { letter, header } = partsOf(file);
    const first = letter.length + header.length;
    const boundaries = [0, 1, 2, 3].flatMap((chunk) =>
      [0, 1, 15, 16, 17].map((more) => first + chunk * SEALED_CHUNK_BYTES + more),
    );
    const cuts = [0, 1, letter.length - 2, letter.length - 1, letter.length, first - 1, ...boundaries, file.length - 1];
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: file.length - 1 }), async (length) => {
        const { content, end } = await open(file.subarray(0, length));
        const isTag = length >= first && (length - first) % SEALED_CHUNK_BYTES >= 16;
        const due = isTag ? 'open_failed' : 'stream_truncated';
        expect(end).toBe(length < letter.length - 1 ? 'token_malformed' : due);
        expect(equalBytes(content, CONTENT.subarray(0, content.length))).toBe(true);
        expect(content.length).toBeLessThan(Math.max(1, length));
      }),
      { numRuns: 60, examples: cuts.map((at) => [at] as [number]) },
    );
  });

  it.each<[string, (one: ReturnType<typeof partsOf>, other: ReturnType<typeof partsOf>) => Bytes[]]>([
    ['a byte after it', ({ letter, header, chunks }) => [letter, header, ...chunks, Uint8Array.of(0)]],
    ['a newline after it', ({ letter, header, chunks }) => [letter, header, ...chunks, Uint8Array.of(NEWLINE)]],
    ['all of it twice', ({ letter, header, chunks }) => [letter, header, ...chunks, letter, header, ...chunks]],
    ['its last chunk twice', ({ letter, header, chunks }) => [letter, header, ...chunks, ...chunks.slice(-1)]],
    ['two chunks changed', ({ letter, header, chunks: [a, b, ...rest] }) => [letter, header, ...of(b, a), ...rest]],
    ['a chunk left out', ({ letter, header, chunks: [a, , ...rest] }) => [letter, header, ...of(a), ...rest]],
    ['the stream of another letter', ({ letter }, { header, chunks }) => [letter, header, ...chunks]],
    ['the letter of another stream', ({ header, chunks }, { letter }) => [letter, header, ...chunks]],
    [
      "another letter's last chunk",
      ({ letter, header, chunks }, { chunks: [, , , last] }) => [letter, header, ...chunks.slice(0, 3), ...of(last)],
    ],
  ])('with %s fails', async (_name, change) => {
    const [one, other] = [partsOf(await seal()), partsOf(await seal())];
    const { content, end } = await open(concatBytes(...change(one, other)));
    expect(end).toBe('open_failed');
    expect(equalBytes(content, CONTENT.subarray(0, content.length))).toBe(true);
  });

  it('fails again for whoever goes on after it failed [guard: streamed-fails-again]', async () => {
    const file = flipBit(await seal(), 8 * ((await seal()).length - 1));
    const { content } = await openStreamedLetter(piecesOf([file]), alice.unwrapper, bob.verifying);
    await expect(gather(content)).rejects.toMatchObject({ code: 'open_failed' });
    for (let time = 0; time < 2; time++) await expect(content.next()).rejects.toMatchObject({ code: 'open_failed' });
  });
});
