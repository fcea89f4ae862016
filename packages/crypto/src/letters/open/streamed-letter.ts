import type { Bytes } from '../../encoding/bytes.js';
import { concatBytes, decodeBase64url, decodeUtf8 } from '../../encoding/bytes.js';
import { parseJws, verifyJws } from '../../tokens/compact.js';
import { ContentHash } from '../../streams/content-hash.js';
import { CryptoError } from '../../names/errors.js';
import type { VerifyingKey } from '../../keys/keys.js';
import type { Letter } from '../letter.js';
import { failingForGood, openChunks, resumed } from '../../streams/open/chunked.js';
import { openFailed } from '../../tokens/open/compact.js';
import { openAs } from './letter.js';
import { Secret } from '../../encoding/secret.js';
import type { Unwrapper } from '../../keys/signer.js';
import {
  LETTER_END,
  LETTER_END_MAX_BYTES,
  letterEndOf,
  NEWLINE,
  STREAM_KEY_BYTES,
  STREAMED_LETTER,
  streamContext,
} from '../streamed-letter.js';
import { strictParse } from '../../encoding/strict-parse.js';

/** Longer than any letter that holds a key. */
const LINE_MAX_BYTES = 16_384;
/** A header has at most 2 KiB before base64url. */
const HEADER_MAX_CHARACTERS = 2731;

/** A letter that opened; its content is still to be read. */
export interface StreamedLetter extends Omit<Letter, 'content'> {
  /**
   * The file, piece by piece: by somebody who has its key, and in its order. That it is all of it and the sender's, is
   * known when the generator ends without an error. Read it to its end, or call `return`: the source is closed by that.
   * @throws {CryptoError} stream_truncated where a stream cannot end; else open_failed, whatever was changed, moved,
   *   added, cut or signed by somebody else; and whatever the source throws
   */
  readonly content: AsyncGenerator<Bytes>;
}

/** Whether a file that begins with these bytes, of which 4 KiB are enough, is or claims to be a streamed letter. */
export function isStreamedLetter(beginning: Uint8Array): boolean {
  const dot = beginning.subarray(0, HEADER_MAX_CHARACTERS + 1).indexOf(0x2e);
  try {
    const header = strictParse(decodeBase64url(decodeUtf8(beginning.subarray(0, Math.max(0, dot)))), {
      maxBytes: 2048,
    });
    return (header as { typ?: unknown } | null)?.typ === STREAMED_LETTER.outer.typ;
  } catch {
    return false;
  }
}

/**
 * Opens the letter of a streamed letter to the holder of `recipient`, if `sender` signed it. The content follows.
 * @param source pieces of any length.
 * @throws {CryptoError} as openLetter; and whatever the source throws
 */
export async function openStreamedLetter(
  source: AsyncIterable<Uint8Array>,
  recipient: Unwrapper,
  sender: VerifyingKey,
): Promise<StreamedLetter> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    const { token, rest } = await takeToken(pieces);
    const { letter, inner } = await openAs(STREAMED_LETTER, token, recipient, sender);
    const chunks = await openKeyed(resumed(rest, pieces), letter.content, token);
    // guard: streamed-fails-again without: const content = contentOf({ chunks, pieces, inner, sender });
    const content = failingForGood(contentOf({ chunks, pieces, inner, sender }));
    return { at: letter.at, name: letter.name, content };
  } catch (error) {
    await pieces.return?.();
    throw error;
  }
}

/** @throws {CryptoError} open_failed if the letter holds no key */
async function openKeyed(
  source: AsyncIterable<Uint8Array>,
  bytes: Bytes,
  token: string,
): Promise<AsyncGenerator<Bytes>> {
  const key = new Secret(bytes);
  try {
    // guard: streamed-key-length
    if (bytes.length !== STREAM_KEY_BYTES) throw openFailed();
    return openChunks(source, { key, context: await streamContext(token) });
  } finally {
    key.wipe();
  }
}

interface Opening {
  readonly chunks: AsyncGenerator<Bytes>;
  /** Closed when no more is read. */
  readonly pieces: AsyncIterator<Uint8Array>;
  /** What the sender signed at the beginning. */
  readonly inner: string;
  readonly sender: VerifyingKey;
}

/** All but the end, which is held back: what may belong to it is given out when it is verified. */
async function* contentOf({ chunks, pieces, inner, sender }: Opening): AsyncGenerator<Bytes> {
  const content = new ContentHash();
  let held: Bytes = new Uint8Array(0);
  try {
    for await (const chunk of chunks) {
      if (chunk.length < LETTER_END_MAX_BYTES) {
        // Nothing but the last chunk is that short.
        held = concatBytes(held, chunk);
        continue;
      }
      for (const sure of [held, chunk.subarray(0, -LETTER_END_MAX_BYTES)]) {
        content.add(sure);
        if (sure.length > 0) yield sure;
      }
      held = chunk.slice(-LETTER_END_MAX_BYTES);
    }
    const newline = held.lastIndexOf(NEWLINE);
    if (newline < 0 || held.length - newline > LETTER_END_MAX_BYTES) throw openFailed();
    const last = held.subarray(0, newline);
    content.add(last);
    await verifyEnd(held.subarray(newline + 1), { content, inner, sender });
    if (last.length > 0) yield last;
  } finally {
    // guard: streamed-source-closed
    await pieces.return?.();
  }
}

/** @throws {CryptoError} open_failed, whatever is wrong: by now the private key was used */
async function verifyEnd(
  end: Bytes,
  { content, inner, sender }: Pick<Opening, 'inner' | 'sender'> & { content: ContentHash },
): Promise<void> {
  const due = await letterEndOf(inner, content);
  try {
    const parsed = parseJws(decodeUtf8(end), LETTER_END);
    const { letter, size, hash } = parsed.claims;
    if (
      letter !== due.letter || // guard: streamed-end-letter
      size !== due.size ||
      hash !== due.hash // guard: streamed-end-hash
    )
      throw openFailed();
    // guard: streamed-end-signature
    await verifyJws(parsed, sender, 'letter-end-signature');
  } catch {
    throw openFailed();
  }
}

/** The first line of a file, or all of it where it has one only. */
async function takeToken(pieces: AsyncIterator<Uint8Array>): Promise<{ token: string; rest: Uint8Array }> {
  let line: Bytes = new Uint8Array(0);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) return { token: decodeUtf8(line), rest: new Uint8Array(0) };
    const newline = value.indexOf(NEWLINE);
    line = concatBytes(line, newline < 0 ? value : value.subarray(0, newline));
    if (line.length > LINE_MAX_BYTES) throw new CryptoError('payload_too_large', 'the first line is too long');
    if (newline >= 0) return { token: decodeUtf8(line), rest: value.subarray(newline + 1) };
  }
}
