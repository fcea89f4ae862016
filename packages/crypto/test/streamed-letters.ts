import type { Bytes } from '../src/encoding/bytes.js';
import { signJws } from '../src/tokens/compact.js';
import { ContentHash } from '../src/streams/content-hash.js';
import { openStreamedLetter } from '../src/letters/open/streamed-letter.js';
import { LETTER_END, letterEndOf, NEWLINE, sealStreamedLetter } from '../src/letters/streamed-letter.js';
import { person } from './people.js';
import { gather, piecesOf } from './pieces.js';
import type { Ending } from './sealed-streams.js';
import { CONTENT, endingOf, partsOf as streamPartsOf } from './sealed-streams.js';

/** Files from Bob to Alice, and what is known of them when they are opened. */

export const AT = 1_795_564_800;
export const alice = await person('alice', 'p256');
export const bob = await person('bob', 'rsa2048');
export const carol = await person('carol', 'p256');

export const seal = (content: Uint8Array = CONTENT, from = bob, to = alice) =>
  gather(sealStreamedLetter(piecesOf([content]), { at: AT, name: 'film.mkv' }, from.signer, to.sealing));

/** All that is given out before the end, and what the end is. */
export function open(file: Uint8Array, by = alice, from = bob): Promise<Ending> {
  return endingOf(async () => (await openStreamedLetter(piecesOf([file]), by.unwrapper, from.verifying)).content);
}

/** The letter with its newline, the header of the stream, and its chunks. */
export function partsOf(file: Bytes): { letter: Bytes; header: Bytes; chunks: Bytes[] } {
  const start = file.indexOf(NEWLINE) + 1;
  return { letter: file.slice(0, start), ...streamPartsOf(file.slice(start)) };
}

export function hashOf(content: Uint8Array): ContentHash {
  const hash = new ContentHash();
  hash.add(content);
  return hash;
}
export const signed = async (content: Uint8Array, inner: string, by = bob) =>
  signJws(LETTER_END, await letterEndOf(inner, hashOf(content)), by.signer);
