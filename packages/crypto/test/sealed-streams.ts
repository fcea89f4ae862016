import type { Bytes } from '../src/encoding/bytes.js';
import { concatBytes } from '../src/encoding/bytes.js';
import { CHUNK_BYTES, CHUNK_TAG_BYTES, CHUNKED_HEADER_BYTES } from '../src/streams/chunked.js';
import { CryptoError } from '../src/names/errors.js';

/** What tests of sealed streams, and of the formats around them, make and look at. */

export const SEALED_CHUNK_BYTES = CHUNK_BYTES + CHUNK_TAG_BYTES;

/** So many bytes, no two chunks of them alike. */
export const bytes = (length: number): Bytes => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
/** Three full chunks and a short one. */
export const CONTENT = bytes(3 * CHUNK_BYTES + 5);
export const NOTHING: Bytes = new Uint8Array(0);

export interface Ending {
  readonly content: Bytes;
  /** `complete`, or the code of the refusal. */
  readonly end: string;
}

/** All that is given out before the end, and what the end is. Faults that are not refusals are thrown. */
export async function endingOf(open: () => AsyncIterable<Bytes> | Promise<AsyncIterable<Bytes>>): Promise<Ending> {
  const all: Bytes[] = [];
  try {
    for await (const piece of await open()) {
      if (piece.length === 0) throw new Error('a piece of nothing was given out');
      all.push(piece);
    }
    return { content: concatBytes(...all), end: 'complete' };
  } catch (error) {
    if (!(error instanceof CryptoError) || error.cause !== undefined) throw error;
    return { content: concatBytes(...all), end: error.code };
  }
}

/** Header and chunks of a sealed stream. */
export function partsOf(sealed: Bytes): { header: Bytes; chunks: Bytes[] } {
  const chunks: Bytes[] = [];
  for (let at = CHUNKED_HEADER_BYTES; at < sealed.length; at += SEALED_CHUNK_BYTES)
    chunks.push(sealed.slice(at, at + SEALED_CHUNK_BYTES));
  return { header: sealed.slice(0, CHUNKED_HEADER_BYTES), chunks };
}
