import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, randomBytes, utf8 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { Secret } from '../encoding/secret.js';
import type { ByteTransform } from './stream-transform.js';
import { byteTransform } from './stream-transform.js';

/**
 * C2SP chunked-encryption with AES-256-GCM and SHA-512, which is Cobblestone-256 (docs/spec/chunked.md): content of any
 * size in constant memory.
 */

/** Plaintext of every chunk but the last, which is always shorter and may be empty. */
export const CHUNK_BYTES = 16_384;
/** Length of a GCM tag. */
export const CHUNK_TAG_BYTES = 16;
/** Salt and commitment, before the first chunk. */
export const CHUNKED_HEADER_BYTES = 56;
/** Most chunks of a stream: the counter has 32 bits, which is 64 TiB. */
export const CHUNKS_MAX = 2 ** 32;

const SALT_BYTES = 24;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const COMMITMENT_BYTES = 32;
const INFO = utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0');

export interface ChunkedOptions {
  /** 32 random bytes, from `newStreamKey`. They are read at once: the caller may wipe them when the call returns. */
  readonly key: Secret;
  /** What the stream belongs to: it opens under the same bytes only. They are not in the stream. */
  readonly context: Bytes;
}

/** A fresh key, for one stream alone. */
export function newStreamKey(): Secret {
  return new Secret(randomBytes(KEY_BYTES));
}

/**
 * Seals content of any size, one chunk at a time: nothing is read before what came of it was taken.
 * @param source pieces of any length.
 * @returns the sealed stream in pieces: header first, then chunk by chunk.
 * @throws {CryptoError} key_invalid; payload_too_large; and whatever the source throws
 */
export function sealChunks(source: AsyncIterable<Uint8Array>, options: ChunkedOptions): AsyncGenerator<Bytes> {
  return seal(source, holdStreamKey(options));
}

/** The same as a transform for `pipeThrough`: plaintext goes in, the sealed stream comes out. */
export function sealStream(options: ChunkedOptions): ByteTransform {
  const held = holdStreamKey(options);
  return byteTransform((source) => seal(source, held));
}

/** Length of the sealed form of a plaintext of `bytes` bytes. */
export function sealedLength(bytes: number): number {
  return CHUNKED_HEADER_BYTES + bytes + (Math.floor(bytes / CHUNK_BYTES) + 1) * CHUNK_TAG_BYTES;
}

async function* seal(source: AsyncIterable<Uint8Array>, held: HeldStreamKey): AsyncGenerator<Bytes> {
  const salt = randomBytes(SALT_BYTES);
  const keys = await deriveChunkKeys(held, salt, (aead) =>
    crypto.subtle.importKey('raw', aead, 'AES-GCM', false, ['encrypt']),
  );
  yield concatBytes(salt, keys.commitment);
  let index = 0;
  for await (const chunk of chunksOf(source, CHUNK_BYTES)) yield sealChunk(keys, index++, chunk);
}

/** A stream's key, out of the caller's hands, and its context. */
export interface HeldStreamKey {
  readonly prf: Promise<CryptoKey>;
  readonly context: Bytes;
}

/**
 * Reads key and context now: a generator begins only when it is asked, and the caller may have wiped the key by then.
 * Where the key is not a valid key, the caller who awaits `prf` hears of it (key_invalid).
 */
export function holdStreamKey({ key, context }: ChunkedOptions): HeldStreamKey {
  const prf = importPrf(key);
  // A stream that nobody reads must not cause an unhandled error.
  prf.catch(() => undefined);
  return { prf, context: context.slice() };
}

export interface ChunkKeys {
  readonly key: CryptoKey;
  /** 12 bytes. */
  readonly base: Bytes;
  /** 32 bytes: no other key and context have it, so that a stream opens to one text only. */
  readonly commitment: Bytes;
}

/**
 * key ‖ base nonce ‖ commitment = HKDF-Expand(prk = key, info = name ‖ 0x00 ‖ salt ‖ context, 76) with SHA-512.
 * @param importAead takes the AES-256 key for the one thing that the caller does with it
 * @throws {CryptoError} key_invalid if the key is not 32 bytes long
 */
export async function deriveChunkKeys(
  { prf, context }: HeldStreamKey,
  salt: Bytes,
  importAead: (aead: Bytes) => Promise<CryptoKey>,
): Promise<ChunkKeys> {
  const derived = await expand(
    await prf,
    concatBytes(
      INFO,
      salt,
      context, // guard: stream-context
    ),
    KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES,
  );
  const [aead, base] = [derived.subarray(0, KEY_BYTES), derived.slice(KEY_BYTES, KEY_BYTES + NONCE_BYTES)];
  try {
    return {
      key: await importAead(aead),
      base,
      commitment: derived.slice(KEY_BYTES + NONCE_BYTES),
    };
  } finally {
    derived.fill(0);
  }
}

/** AES-GCM parameters of a chunk: base ⊕ counter, big-endian in the last four bytes; the AAD is empty. */
export function chunkParameters(base: Bytes, index: number): AesGcmParams {
  // guard: stream-length
  if (index >= CHUNKS_MAX) throw new CryptoError('payload_too_large', 'a stream has at most 2^32 chunks');
  const iv = base.slice();
  const tail = new DataView(iv.buffer, 8);
  // guard: stream-order
  tail.setUint32(0, tail.getUint32(0) ^ index);
  return { name: 'AES-GCM', iv, tagLength: CHUNK_TAG_BYTES * 8 };
}

/**
 * Cuts pieces of any length into chunks of `length` bytes and a last one that is shorter and may be empty, as it has to
 * be known for the last. The bytes of a chunk are valid until the next one is asked for.
 */
export async function* chunksOf(source: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Bytes> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + length - filled);
      buffer.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      if (filled < length) continue;
      filled = 0;
      yield buffer;
    }
  }
  yield buffer.subarray(0, filled);
}

async function sealChunk({ key, base }: ChunkKeys, index: number, chunk: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.encrypt(chunkParameters(base, index), key, chunk));
}

async function importPrf(key: Secret): Promise<CryptoKey> {
  // guard: stream-key
  if (key.reveal().length !== KEY_BYTES) throw new CryptoError('key_invalid', 'the key of a stream has 32 bytes');
  return crypto.subtle.importKey('raw', key.reveal(), { name: 'HMAC', hash: 'SHA-512' }, false, ['sign']);
}

/** HKDF-Expand (RFC 5869 §2.3) alone, as the key is random already; WebCrypto's HKDF would extract first. */
async function expand(key: CryptoKey, info: Bytes, length: number): Promise<Bytes> {
  const output = new Uint8Array(length);
  let block: Bytes = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += block.length, counter++) {
    block = new Uint8Array(await crypto.subtle.sign('HMAC', key, concatBytes(block, info, Uint8Array.of(counter))));
    output.set(block.subarray(0, length - at), at);
  }
  return output;
}
