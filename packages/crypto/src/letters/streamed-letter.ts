import * as z from '#zod';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, encodeBase64url, sha256, tokenHash, utf8 } from '../encoding/bytes.js';
import { newStreamKey, sealChunks } from '../streams/chunked.js';
import { hashSchema } from '../tokens/claims.js';
import type { JwsFormat } from '../tokens/compact.js';
import { signJws } from '../tokens/compact.js';
import { ContentHash } from '../streams/content-hash.js';
import type { SealingKey } from '../keys/key-material.js';
import type { Letter } from './letter.js';
import { letterFormat, sealAs } from './letter.js';
import { requireSeconds } from '../names/seconds.js';
import type { Signer } from '../keys/signer.js';

/**
 * A file of any size from one person to another (docs/spec/streamed-letter.md): a letter that holds the key of a sealed
 * stream, a newline, and the stream. What the stream opens to is the file and, after it, a signature over all of it.
 */

/** A stream's key: all that the letter holds. */
export const STREAM_KEY_BYTES = 32;

/** The letter with the key. */
export const STREAMED_LETTER = letterFormat('bulla-streamed-letter', STREAM_KEY_BYTES);
/** Between the letter and the stream, and between the file and its end. */
export const NEWLINE = 0x0a;
/** Longest end of a file, in bytes, with the newline before it. */
export const LETTER_END_MAX_BYTES = 2048;

const endSchema = z.strictObject({
  /** `H` of the signed letter inside: whose file it is, to whom, when. */
  letter: hashSchema,
  /** Bytes of the file. */
  size: z.int().check(z.gte(0)),
  /** SHA-256 of the file. */
  hash: hashSchema,
});
/** What the sender signs after the last byte. */
export type LetterEnd = z.infer<typeof endSchema>;
export const LETTER_END: JwsFormat<LetterEnd> = { typ: 'bulla-letter-end+jws', claims: endSchema, maxBytes: 256 };

/**
 * Signs and seals a file of any size in constant memory. Nothing is read before what came of it was taken.
 * @param source pieces of any length.
 * @returns the sealed file in pieces.
 * @throws {CryptoError} key_invalid, token_malformed, as sealLetter; payload_too_large; and whatever the source throws
 */
export async function* sealStreamedLetter(
  source: AsyncIterable<Uint8Array>,
  letter: Omit<Letter, 'content'>,
  from: Signer,
  to: SealingKey,
): AsyncGenerator<Bytes> {
  requireSeconds(letter.at);
  const { token, chunks } = await sealKeyed(source, letter, from, to);
  yield concatBytes(utf8(token), Uint8Array.of(NEWLINE));
  yield* chunks;
}

async function sealKeyed(
  source: AsyncIterable<Uint8Array>,
  letter: Omit<Letter, 'content'>,
  from: Signer,
  to: SealingKey,
): Promise<{ token: string; chunks: AsyncGenerator<Bytes> }> {
  const key = newStreamKey();
  try {
    const { token, inner } = await sealAs(STREAMED_LETTER, { ...letter, content: key.reveal() }, from, to);
    return { token, chunks: sealChunks(withEnd(source, inner, from), { key, context: await streamContext(token) }) };
  } finally {
    key.wipe();
  }
}

/** The stream belongs to one token: SHA-256 of its ASCII bytes. */
export function streamContext(token: string): Promise<Bytes> {
  return sha256(utf8(token));
}

/** What is signed of a file that was read to its last byte. */
export async function letterEndOf(inner: string, content: ContentHash): Promise<LetterEnd> {
  return { letter: await tokenHash(inner), size: content.size, hash: encodeBase64url(content.end()) };
}

/** The file, and after a newline its signed end. */
async function* withEnd(source: AsyncIterable<Uint8Array>, inner: string, from: Signer): AsyncGenerator<Uint8Array> {
  const content = new ContentHash();
  for await (const piece of source) {
    content.add(piece);
    yield piece;
  }
  yield utf8(`\n${await signJws(LETTER_END, await letterEndOf(inner, content), from)}`);
}
