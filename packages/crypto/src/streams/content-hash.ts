import { sha256Stream } from '#platform';
import type { Bytes } from '../encoding/bytes.js';

/** Size and SHA-256 of content of any size, in constant memory (docs/spec/chunked.md). */
export class ContentHash {
  readonly #hash = sha256Stream();
  #size = 0;

  /** Bytes that were added. */
  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#size += piece.length;
  }

  /** 32 bytes; nothing is added after it. */
  end(): Bytes {
    return this.#hash.digest();
  }
}
