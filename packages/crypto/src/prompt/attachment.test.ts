import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gather, piecesOf } from '../../test/pieces.js';
import type { Ending } from '../../test/sealed-streams.js';
import { bytes, CONTENT, endingOf, NOTHING, partsOf } from '../../test/sealed-streams.js';
import { flipBit } from '../../test/test-log.js';
import type { Attachment, AttachmentPlace } from './attachment.js';
import { attachmentContext, attachmentsSchema, sealAttachment } from './attachment.js';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, decodeBase64url, decodeUtf8 } from '../encoding/bytes.js';
import { CHUNK_BYTES, sealChunks, sealedLength } from '../streams/chunked.js';
import { openAttachment } from './open/attachment.js';
import { Secret } from '../encoding/secret.js';

const SUB = 'urn:bulla:acme:prompt:prm_01m8846r1de35rhayqpfw25ggb';
const PLACE: AttachmentPlace = { sub: SUB, ver: 3 };
const ID = 'policy.pdf';

interface Sealed {
  readonly stream: Bytes;
  readonly entry: Attachment;
}

async function seal(content: Uint8Array = CONTENT, id = ID, place = PLACE): Promise<Sealed> {
  const { sealed, entry } = sealAttachment(piecesOf([content]), id, place);
  return { stream: await gather(sealed), entry: entry() };
}

const open = (stream: Uint8Array, entry: Attachment, place = PLACE): Promise<Ending> =>
  endingOf(() => openAttachment(piecesOf([stream]), entry, place));

/** A reader of the statement can do this: make another stream under the same key, at the same place. */
function restreamed(content: Uint8Array, entry: Attachment): Promise<Bytes> {
  const options = { key: new Secret(decodeBase64url(entry.key)), context: attachmentContext(entry.id, PLACE) };
  return gather(sealChunks(piecesOf([content]), options));
}

let sealed: Sealed;
beforeAll(async () => {
  sealed = await seal();
});
const FAILED = { content: NOTHING, end: 'open_failed' };

describe('an attachment', () => {
  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])(
    'of %i bytes opens to them',
    async (length) => {
      const { stream, entry } = await seal(bytes(length));
      expect(stream.length).toBe(sealedLength(length));
      expect(await open(stream, entry)).toEqual({ content: bytes(length), end: 'complete' });
    },
  );

  it('opens however it is cut, on its way in and out', async () => {
    const cut = (content: Uint8Array, places: number[]) => {
      const cuts = [0, ...places.map((at) => at % (content.length + 1)).toSorted((a, b) => a - b), content.length];
      return cuts.slice(1).map((end, index) => content.slice(cuts[index], end));
    };
    const places = fc.array(fc.nat(), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(places, places, async (before, after) => {
        const made = sealAttachment(piecesOf(cut(CONTENT, before)), ID, PLACE);
        const stream = await gather(made.sealed);
        const opened = await gather(openAttachment(piecesOf(cut(stream, after)), made.entry(), PLACE));
        expect(opened).toEqual(CONTENT);
      }),
      { numRuns: 20 },
    );
  });

  it('is listed with its size, the hash of its content and a key that is fresh', async () => {
    expect(sealed.entry).toEqual({
      id: ID,
      key: expect.stringMatching(/^[\w-]{43}$/),
      size: CONTENT.length,
      hash: createHash('sha256').update(CONTENT).digest('base64url'),
    });
    expect((await seal()).entry.key).not.toBe(sealed.entry.key);
    expect(attachmentsSchema.safeParse([sealed.entry])).toMatchObject({ success: true });
  });

  it('has no entry until it was sealed to its end', async () => {
    const made = sealAttachment(piecesOf([CONTENT]), ID, PLACE);
    const early = expect.objectContaining({ code: 'stream_truncated' });
    expect(() => made.entry()).toThrow(early);
    await made.sealed.next();
    await made.sealed.next();
    expect(() => made.entry()).toThrow(early);
    await made.sealed.return(undefined);
    expect(() => made.entry()).toThrow(early);
  });

  it('has none where its source fails, and says why', async () => {
    async function* torn(): AsyncGenerator<Uint8Array> {
      yield CONTENT;
      throw new Error('the disk is gone');
    }
    const made = sealAttachment(torn(), ID, PLACE);
    await expect(gather(made.sealed)).rejects.toThrow('the disk is gone');
    expect(() => made.entry()).toThrow(expect.objectContaining({ code: 'stream_truncated' }));
  });

  it.each<[string, string, AttachmentPlace]>([
    ['no name', '', PLACE],
    ['a name with a newline', 'a\nb', PLACE],
    ['a path', '../policy.pdf', PLACE],
    ['a name of 129 characters', 'x'.repeat(129), PLACE],
    ['a prompt that is none', ID, { ...PLACE, sub: 'urn:bulla:acme:dev:dev_01m8846r1de35rhayqpfw25ggb' }],
    ['version 0', ID, { ...PLACE, ver: 0 }],
    ['a version with a fraction', ID, { ...PLACE, ver: 1.5 }],
  ])('is refused with %s, when sealed and when opened', async (_name, id, place) => {
    const refusal = expect.objectContaining({ code: 'token_malformed' });
    expect(() => sealAttachment(piecesOf([CONTENT]), id, place)).toThrow(refusal);
    expect(() => openAttachment(piecesOf([sealed.stream]), { ...sealed.entry, id }, place)).toThrow(refusal);
  });

  it('is bound to bytes that no other place has', () => {
    expect(decodeUtf8(attachmentContext(ID, PLACE))).toBe(`bulla-attachment\n${SUB}\n3\npolicy.pdf`);
  });
});

describe('an attachment does not open', () => {
  it.each<[string, Partial<AttachmentPlace>]>([
    ['for another prompt [guard: attachment-prompt]', { sub: 'urn:bulla:acme:prompt:prm_01kz84jm00fs4v9y6x7qj3r2dn' }],
    ['for another organisation', { sub: SUB.replace('acme', 'globex') }],
    ['for another version [guard: attachment-version]', { ver: 4 }],
  ])('%s', async (_name, other) => {
    expect(await open(sealed.stream, sealed.entry, { ...PLACE, ...other })).toEqual(FAILED);
  });

  it('under another name, by another key, or in the place of another [guard: attachment-name]', async () => {
    const other = await seal(CONTENT, 'other.pdf');
    expect(await open(sealed.stream, { ...sealed.entry, id: 'other.pdf' })).toEqual(FAILED);
    expect(await open(sealed.stream, { ...sealed.entry, key: other.entry.key })).toEqual(FAILED);
    expect(await open(other.stream, sealed.entry)).toEqual(FAILED);
  });

  it('with another size or another hash than it has [guard: attachment-size]', async () => {
    const { stream, entry } = await seal(bytes(40));
    const hash = (await seal(bytes(41))).entry.hash;
    for (const wrong of [{ size: 39 }, { size: 41 }, { hash }])
      expect(await open(stream, { ...entry, ...wrong })).toEqual(FAILED);
  });

  it('with any bit changed', async () => {
    const { stream, entry } = await seal(bytes(40));
    await fc.assert(
      fc.asyncProperty(fc.nat(stream.length * 8 - 1), async (bit) => {
        expect(await open(flipBit(stream, bit), entry)).toEqual(FAILED);
      }),
    );
  });

  it('with chunks moved, left out or repeated, beyond what stood before the change', async () => {
    const { header, chunks } = partsOf(sealed.stream);
    const [first, second, third, last] = chunks as [Bytes, Bytes, Bytes, Bytes];
    const streamOf = (...some: Bytes[]) => concatBytes(header, ...some);
    for (const [stream, given, end] of [
      [streamOf(second, first, third, last), NOTHING, 'open_failed'],
      [streamOf(first, third, last), NOTHING, 'open_failed'],
      [streamOf(first, first, second, third, last), NOTHING, 'open_failed'],
      [streamOf(first, second, third, last, last), CONTENT.slice(0, 2 * CHUNK_BYTES), 'open_failed'],
      [streamOf(first, second, third), CONTENT.slice(0, 2 * CHUNK_BYTES), 'stream_truncated'],
      [streamOf(first), NOTHING, 'stream_truncated'],
      [header, NOTHING, 'stream_truncated'],
      [NOTHING, NOTHING, 'stream_truncated'],
    ] as const)
      expect(await open(stream, sealed.entry)).toEqual({ content: given, end });
  });
});

/** They have the key, as all who may read the prompt; what they have not is the author's signature over the entry. */
describe('another reader of the prompt', () => {
  it('can make no other file of its size [guard: attachment-hash] [guard: attachment-held-back]', async () => {
    const short = await seal(bytes(1000));
    expect(await open(await restreamed(bytes(1000).fill(1), short.entry), short.entry)).toEqual(FAILED);
    const other = CONTENT.slice().fill(1);
    const { content, end } = await open(await restreamed(other, sealed.entry), sealed.entry);
    expect(end).toBe('open_failed');
    // The last chunk waits for the hash: nobody has all of a file that is not the author's.
    expect(content).toEqual(other.slice(0, 3 * CHUNK_BYTES));
  });

  it('can make none that is shorter, longer, or goes on for ever [guard: attachment-longer]', async () => {
    const part = CONTENT.slice(0, 2 * CHUNK_BYTES);
    expect(await open(await restreamed(part, sealed.entry), sealed.entry)).toEqual({
      content: part.slice(0, CHUNK_BYTES),
      end: 'open_failed',
    });
    let made = 0;
    async function* long(): AsyncGenerator<Uint8Array> {
      for (; made < 100; made += 1) yield CONTENT.slice(0, CHUNK_BYTES);
    }
    const options = { key: new Secret(decodeBase64url(sealed.entry.key)), context: attachmentContext(ID, PLACE) };
    const opening = openAttachment(sealChunks(long(), options), sealed.entry, PLACE);
    await expect(gather(opening)).rejects.toMatchObject({ code: 'open_failed' });
    // Refused with the first byte too many, not at its end.
    expect(made).toBeLessThan(10);
    const empty = await seal(NOTHING);
    expect(await open(await restreamed(bytes(1), empty.entry), empty.entry)).toEqual(FAILED);
  });

  it('hears again what was wrong, however often it asks [guard: attachment-fails-again]', async () => {
    const opening = openAttachment(piecesOf([sealed.stream.slice(1)]), sealed.entry, PLACE);
    for (const _time of [1, 2]) await expect(opening.next()).rejects.toMatchObject({ code: 'open_failed' });
  });
});

describe('the source of an attachment', () => {
  it('is closed when the reader stops, and when the stream is wrong', async () => {
    let closed = 0;
    async function* source(stream: Bytes): AsyncGenerator<Uint8Array> {
      try {
        for (let at = 0; at < stream.length; at += 1000) yield stream.slice(at, at + 1000);
      } finally {
        closed += 1;
      }
    }
    const opening = openAttachment(source(sealed.stream), sealed.entry, PLACE);
    expect((await opening.next()).value).toEqual(CONTENT.slice(0, CHUNK_BYTES));
    await opening.return(undefined);
    expect(closed).toBe(1);
    await expect(gather(openAttachment(source(sealed.stream.slice(1)), sealed.entry, PLACE))).rejects.toMatchObject({
      code: 'open_failed',
    });
    expect(closed).toBe(2);
  });

  it('is not read before its pieces are wanted', async () => {
    let pulled = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled += 1;
        yield bytes(CHUNK_BYTES);
      }
    }
    const made = sealAttachment(source(), ID, PLACE);
    expect(pulled).toBe(0);
    for (const _piece of ['header', 'chunk']) await made.sealed.next();
    expect(pulled).toBeLessThanOrEqual(2);
    await made.sealed.return(undefined);
  });
});
