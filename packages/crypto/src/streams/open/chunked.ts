import type { Bytes } from '../../encoding/bytes.js';
import { equalBytes } from '../../encoding/bytes.js';
import type { ChunkedOptions, ChunkKeys, HeldStreamKey } from '../chunked.js';
import {
  CHUNK_BYTES,
  CHUNK_TAG_BYTES,
  CHUNKED_HEADER_BYTES,
  chunkParameters,
  chunksOf,
  deriveChunkKeys,
  holdStreamKey,
} from '../chunked.js';
import { CryptoError } from '../../names/errors.js';
import { openFailed } from '../../tokens/open/compact.js';
import type { ByteTransform } from '../stream-transform.js';
import { byteTransform } from '../stream-transform.js';

const SALT_BYTES = 24;

/**
 * Opens a sealed stream, one chunk at a time. What it gives out is authentic and stands where it stood; that it is all,
 * is known only when the generator ends without an error. Until then it counts as truncated.
 * @param source pieces of any length.
 * @throws {CryptoError} key_invalid; stream_truncated where a stream cannot end; else open_failed, whatever was changed,
 * moved, added or cut, and for another key or context; and whatever the source throws
 */
export function openChunks(source: AsyncIterable<Uint8Array>, options: ChunkedOptions): AsyncGenerator<Bytes> {
  return failingForGood(open(source, holdStreamKey(options)));
}

/** The same as a transform for `pipeThrough`: the sealed stream goes in, plaintext comes out. */
export function openStream(options: ChunkedOptions): ByteTransform {
  const held = holdStreamKey(options);
  return byteTransform((source) => open(source, held));
}

async function* open(source: AsyncIterable<Uint8Array>, held: HeldStreamKey): AsyncGenerator<Bytes> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    const { head, rest } = await takeHeader(pieces);
    const keys = await deriveChunkKeys(held, head.slice(0, SALT_BYTES), (aead) =>
      crypto.subtle.importKey('raw', aead, 'AES-GCM', false, ['decrypt']),
    );
    // guard: stream-commitment
    if (!equalBytes(keys.commitment, head.subarray(SALT_BYTES))) throw openFailed();
    yield* openAll(keys, resumed(rest, pieces));
  } finally {
    await pieces.return?.();
  }
}

async function* openAll(keys: ChunkKeys, source: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
  let index = 0;
  for await (const chunk of chunksOf(source, CHUNK_BYTES + CHUNK_TAG_BYTES)) {
    // The last chunk is the one that is shorter; where none is, or it has no room for a tag, the stream was cut.
    // guard: stream-end without: if (chunk.length === 0) return;
    if (chunk.length < CHUNK_TAG_BYTES) throw new CryptoError('stream_truncated', 'the stream has no end');
    const plaintext = await openChunk(keys, index++, chunk);
    if (plaintext.length > 0) yield plaintext;
  }
}

async function openChunk({ key, base }: ChunkKeys, index: number, chunk: Bytes): Promise<Bytes> {
  const parameters = chunkParameters(base, index);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, chunk));
  } catch {
    throw openFailed();
  }
}

/** The first bytes of a stream, and what the last piece read had beyond them. */
async function takeHeader(pieces: AsyncIterator<Uint8Array>): Promise<{ head: Bytes; rest: Uint8Array }> {
  const head = new Uint8Array(CHUNKED_HEADER_BYTES);
  let filled = 0;
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) throw new CryptoError('stream_truncated', 'the stream ends before its first chunk');
    const taken = value.subarray(0, head.length - filled);
    head.set(taken, filled);
    filled += taken.length;
    if (filled === head.length) return { head, rest: value.subarray(taken.length) };
  }
}

/** What is left of a source of which the first pieces were taken. */
export async function* resumed(first: Uint8Array, pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
}

/** After it threw, a generator says that it is done, which here would look like the end of the stream. */
export function failingForGood(generator: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  const next = generator.next.bind(generator);
  let failure: { readonly error: unknown } | undefined;
  generator.next = async () => {
    // guard: stream-fails-again
    if (failure !== undefined) throw failure.error;
    try {
      return await next();
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  return generator;
}
