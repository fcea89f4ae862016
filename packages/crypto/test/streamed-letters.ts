import type { Bytes } from '../src/bytes.js';
import { concatBytes } from '../src/bytes.js';
import { CHUNK_BYTES, CHUNKED_HEADER_BYTES } from '../src/chunked.js';
import { signJws } from '../src/compact.js';
import { ContentHash } from '../src/content-hash.js';
import { CryptoError } from '../src/errors.js';
import { openStreamedLetter } from '../src/open-streamed-letter.js';
import { LETTER_END, letterEndOf, NEWLINE, sealStreamedLetter } from '../src/streamed-letter.js';
import { person } from './people.js';
import { gather, piecesOf } from './pieces.js';

/** Files from Bob to Alice, and what is known of them when they are opened. */

export const AT = 1_795_564_800;
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + 16;
export const alice = await person('alice', 'p256');
export const bob = await person('bob', 'rsa2048');
export const carol = await person('carol', 'p256');

export const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
/** Three full chunks and a short one. */
export const CONTENT = bytes(3 * CHUNK_BYTES + 5);

export const seal = (content: Uint8Array = CONTENT, from = bob, to = alice) =>
  gather(sealStreamedLetter(piecesOf([content]), { at: AT, name: 'film.mkv' }, from.signer, to.sealing));

export interface Ending {
  readonly content: Bytes;
  /** `complete`, or the code of the refusal. */
  readonly end: string;
}

/** All that is given out before the end, and what the end is. */
export async function open(file: Uint8Array, by = alice, from = bob): Promise<Ending> {
  const all: Bytes[] = [];
  try {
    const letter = await openStreamedLetter(piecesOf([file]), by.unwrapper, from.verifying);
    for await (const piece of letter.content) {
      if (piece.length === 0) throw new Error('a piece of nothing was given out');
      all.push(piece);
    }
    return { content: concatBytes(...all), end: 'complete' };
  } catch (error) {
    if (!(error instanceof CryptoError) || error.cause !== undefined) throw error;
    return { content: concatBytes(...all), end: error.code };
  }
}

/** The letter with its newline, the header of the stream, and its chunks. */
export function partsOf(file: Bytes): { letter: Bytes; header: Bytes; chunks: Bytes[] } {
  const start = file.indexOf(NEWLINE) + 1;
  const first = start + CHUNKED_HEADER_BYTES;
  const chunks: Bytes[] = [];
  for (let at = first; at < file.length; at += SEALED_CHUNK_BYTES) chunks.push(file.slice(at, at + SEALED_CHUNK_BYTES));
  return { letter: file.slice(0, start), header: file.slice(start, first), chunks };
}

export async function hashOf(content: Uint8Array): Promise<ContentHash> {
  const hash = new ContentHash();
  await hash.add(content);
  return hash;
}
export const signed = async (content: Uint8Array, inner: string, by = bob) =>
  signJws(LETTER_END, await letterEndOf(inner, await hashOf(content)), by.signer);
export const NOTHING = new Uint8Array(0);
