import { sha256Stream } from '#platform';
import { FRAMES_MAX } from '../names/limits.js';
import { encodeBase64url } from '../encoding/bytes.js';
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

/** The deltas of one reply in order, hashed as they come: nothing of them is kept. */
export class Transcript {
  readonly #hash = sha256Stream();
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #length = 0;
  #n = 0;
  #summary: TranscriptSummary | undefined;

  /** Count of deltas so far. */
  get n(): number {
    return this.#n;
  }

  /**
   * Adds one delta.
   * @throws {CryptoError} payload_too_large, and nothing is added
   * @throws {TypeError} once the summary was taken
   */
  add(delta: Uint8Array): void {
    if (this.#summary !== undefined) throw new TypeError('the summary of these deltas was taken already');
    const length = this.#length + PREFIX_BYTES + delta.length;
    if (this.#n >= FRAMES_MAX || length > TRANSCRIPT_MAX_BYTES) {
      throw new CryptoError('payload_too_large', 'the reply is too long');
    }
    new DataView(this.#prefix.buffer).setUint32(0, delta.length);
    this.#hash.update(this.#prefix);
    this.#hash.update(delta);
    this.#length = length;
    this.#n += 1;
  }

  /** Count, bytes and hash of all deltas: the last one has been added. */
  summary(): TranscriptSummary {
    this.#summary ??= {
      n: this.#n,
      bytes: this.#length - PREFIX_BYTES * this.#n,
      sha256: encodeBase64url(this.#hash.digest()),
    };
    return this.#summary;
  }
}
