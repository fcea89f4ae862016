import { FRAMES_MAX } from '../names/limits.js';
import type { Bytes } from '../encoding/bytes.js';
import { digestB64u } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';

/** Most bytes of all deltas of one reply, their length prefixes included. */
export const TRANSCRIPT_MAX_BYTES = 32 * 1024 * 1024;
const PREFIX_BYTES = 4;

/** What the fin says about the deltas before it. */
export interface TranscriptSummary {
  /** Count of deltas. */
  readonly n: number;
  /** Bytes of all deltas. */
  readonly bytes: number;
  /** base64url SHA-256 over (uint32 big-endian length ‖ delta)*. */
  readonly sha256: string;
}

/**
 * The deltas of one reply in order. WebCrypto has no incremental SHA-256, so the length-prefixed deltas are
 * kept in one growing buffer and hashed once at the end: linear in time, and in memory at most
 * {@link TRANSCRIPT_MAX_BYTES}.
 */
export class Transcript {
  #buffer: Bytes = new Uint8Array(1024);
  #length = 0;
  #n = 0;

  /** Count of deltas so far. */
  get n(): number {
    return this.#n;
  }

  /**
   * Appends a copy of one delta.
   * @throws {CryptoError} payload_too_large, and nothing is appended
   */
  add(delta: Uint8Array): void {
    const length = this.#length + PREFIX_BYTES + delta.length;
    if (this.#n >= FRAMES_MAX || length > TRANSCRIPT_MAX_BYTES) {
      throw new CryptoError('payload_too_large', 'the reply is too long');
    }
    if (length > this.#buffer.length) this.#grow(length);
    new DataView(this.#buffer.buffer).setUint32(this.#length, delta.length);
    this.#buffer.set(delta, this.#length + PREFIX_BYTES);
    this.#length = length;
    this.#n += 1;
  }

  /** Count, bytes and hash of the deltas so far. */
  async summary(): Promise<TranscriptSummary> {
    const sha256 = await digestB64u(this.#buffer.subarray(0, this.#length));
    return { n: this.#n, bytes: this.#length - PREFIX_BYTES * this.#n, sha256 };
  }

  /** Doubling keeps the copies linear in total. */
  #grow(length: number): void {
    const larger = new Uint8Array(Math.min(TRANSCRIPT_MAX_BYTES, Math.max(length, 2 * this.#buffer.length)));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}
