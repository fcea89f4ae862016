import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Person } from '../test/people.js';
import { person } from '../test/people.js';
import { gather, piecesOf } from '../test/pieces.js';
import { flipBit } from '../test/test-log.js';
import type { Bytes } from './bytes.js';
import { concatBytes, equalBytes, utf8 } from './bytes.js';
import { CHUNK_BYTES, CHUNKED_HEADER_BYTES, sealChunks } from './chunked.js';
import { signJws } from './compact.js';
import { ContentHash } from './content-hash.js';
import { CryptoError } from './errors.js';
import { LETTER, parseLetter, sealAs, sealLetter } from './letter.js';
import { openAs, openLetter } from './open-letter.js';
import { isStreamedLetter, openStreamedLetter } from './open-streamed-letter.js';
import { Secret } from './secret.js';
import type { Unwrapper } from './signer.js';
import {
  LETTER_END,
  LETTER_END_MAX_BYTES,
  letterEndOf,
  NEWLINE,
  sealStreamedLetter,
  STREAMED_LETTER,
  streamContext,
} from './streamed-letter.js';

const AT = 1_795_564_800;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + 16;
let alice: Person;
let bob: Person;
let carol: Person;
beforeAll(async () => {
  [alice, bob, carol] = [await person('alice', 'p256'), await person('bob', 'rsa2048'), await person('carol', 'p256')];
});

const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
/** Three full chunks and a short one. */
const CONTENT = bytes(3 * CHUNK_BYTES + 5);

const seal = (content: Uint8Array = CONTENT, from = bob, to = alice) =>
  gather(sealStreamedLetter(piecesOf([content]), { at: AT, name: 'film.mkv' }, from.signer, to.sealing));

interface Ending {
  readonly content: Bytes;
  /** `complete`, or the code of the refusal. */
  readonly end: string;
}

/** All that is given out before the end, and what the end is. */
async function open(file: Uint8Array, by = alice, from = bob): Promise<Ending> {
  const all: Bytes[] = [];
  try {
    const letter = await openStreamedLetter(piecesOf([file]), by.unwrapper, from.verifying);
    for await (const piece of letter.content) all.push(piece);
    return { content: concatBytes(...all), end: 'complete' };
  } catch (error) {
    if (!(error instanceof CryptoError) || error.cause !== undefined) throw error;
    return { content: concatBytes(...all), end: error.code };
  }
}

/** The letter with its newline, the header of the stream, and its chunks. */
function partsOf(file: Bytes): { letter: Bytes; header: Bytes; chunks: Bytes[] } {
  const start = file.indexOf(NEWLINE) + 1;
  const first = start + CHUNKED_HEADER_BYTES;
  const chunks: Bytes[] = [];
  for (let at = first; at < file.length; at += SEALED_CHUNK_BYTES) chunks.push(file.slice(at, at + SEALED_CHUNK_BYTES));
  return { letter: file.slice(0, start), header: file.slice(start, first), chunks };
}

/** What whoever has the key can do: another stream after the same letter. */
async function restreamed(file: Bytes, text: (inner: string) => Promise<Bytes>): Promise<Bytes> {
  const { letter } = partsOf(file);
  const token = new TextDecoder().decode(letter).trimEnd();
  const opened = await openAs(STREAMED_LETTER, token, alice.unwrapper, bob.verifying);
  const options = { key: new Secret(opened.letter.content), context: await streamContext(token) };
  return concatBytes(letter, await gather(sealChunks(piecesOf([await text(opened.inner)]), options)));
}
async function hashOf(content: Uint8Array): Promise<ContentHash> {
  const hash = new ContentHash();
  await hash.add(content);
  return hash;
}
const signed = async (content: Uint8Array, inner: string, by = bob) =>
  signJws(LETTER_END, await letterEndOf(inner, await hashOf(content)), by.signer);
const ended = (content: Uint8Array, end: string) => concatBytes(content, utf8(`\n${end}`));
const NOTHING = new Uint8Array(0);

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

  it('may hold lines, and lines that look like an end', async () => {
    const content = utf8(`one\ntwo\n${await signed(CONTENT, 'a.b.c')}\n`);
    expect(await open(await seal(content))).toEqual({ content, end: 'complete' });
  });

  it('closes its source when it is not read to its end, and when it does not open', async () => {
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

  it('is told from other files by its beginning', async () => {
    const file = await seal();
    expect(isStreamedLetter(file)).toBe(true);
    expect(isStreamedLetter(file.subarray(0, 4096))).toBe(true);
    const letter = await sealLetter({ content: CONTENT, at: AT }, bob.signer, alice.sealing);
    for (const other of [NOTHING, utf8('.'), utf8('bnVsbA.'), CONTENT, utf8(letter), file.subarray(0, 20)])
      expect(isStreamedLetter(other)).toBe(false);
  });

  it('is no letter, and a letter is none', async () => {
    const [line = ''] = new TextDecoder().decode(await seal()).split('\n');
    await expect(openLetter(line, alice.unwrapper, bob.verifying)).rejects.toMatchObject({ code: 'token_malformed' });
    expect(() => parseLetter(line)).toThrow(expect.objectContaining({ code: 'token_malformed' }));
    const { token } = await sealAs(LETTER, { content: bytes(32), at: AT }, bob.signer, alice.sealing);
    expect(await open(utf8(token))).toEqual({ content: NOTHING, end: 'token_malformed' });
  });

  it('holds a key of 32 bytes and nothing else', async () => {
    for (const length of [0, 31]) {
      const short = { content: bytes(length), at: AT };
      const { token } = await sealAs(STREAMED_LETTER, short, bob.signer, alice.sealing);
      expect(await open(utf8(`${token}\n`))).toEqual({ content: NOTHING, end: 'open_failed' });
    }
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

  it('fails again for whoever goes on after it failed', async () => {
    const file = flipBit(await seal(), 8 * ((await seal()).length - 1));
    const { content } = await openStreamedLetter(piecesOf([file]), alice.unwrapper, bob.verifying);
    await expect(gather(content)).rejects.toMatchObject({ code: 'open_failed' });
    for (let time = 0; time < 2; time++) await expect(content.next()).rejects.toMatchObject({ code: 'open_failed' });
  });
});

const of = (...chunks: (Bytes | undefined)[]) => chunks.filter((chunk) => chunk !== undefined);

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
    ['the end of content as long', async (inner) => ended(OTHER, await signed(utf8('Pay Bob, now'), inner))],
    ['an end of their own', async (inner) => ended(OTHER, await signed(OTHER, inner, carol))],
    ['an end of another letter', async () => ended(OTHER, await signed(OTHER, 'a.b.c'))],
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
