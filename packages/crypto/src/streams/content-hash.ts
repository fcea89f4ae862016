import type { Bytes } from '../encoding/bytes.js';
import { sha256 } from '../encoding/bytes.js';
import { CHUNK_BYTES } from './chunked.js';

const HASH_BYTES = 32;

/**
 * A hash of content of any size in constant memory (docs/spec/chunked.md), which WebCrypto's SHA-256 is not: beginning
 * with 32 zero bytes, the hash of the hash so far ‖ the next 16,384 bytes; the last piece is shorter and may be empty.
 */
export class ContentHash {
  /** The hash so far ‖ the piece that is being filled. */
  readonly #block = new Uint8Array(HASH_BYTES + CHUNK_BYTES);
  #filled = HASH_BYTES;
  #size = 0;

  /** Bytes that were added. */
  get size(): number {
    return this.#size;
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#size += piece.length;
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + this.#block.length - this.#filled);
      this.#block.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
      if (this.#filled < this.#block.length) continue;
      this.#block.set(await sha256(this.#block));
      this.#filled = HASH_BYTES;
    }
  }

  /** 32 bytes; nothing is added after it. */
  end(): Promise<Bytes> {
    return sha256(this.#block.subarray(0, this.#filled));
  }
}
