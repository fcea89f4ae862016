import type { Bytes } from './bytes.js';

/**
 * Key bytes that no printer shows: JSON, templates, inspectors and spreads see `[secret]` or nothing.
 * `reveal` is the one word to look for in review.
 */
export class Secret {
  readonly #bytes: Bytes;

  /** Takes the bytes over; the caller keeps no copy. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, not a copy. */
  reveal(): Bytes {
    return this.#bytes;
  }

  /** Overwrites the bytes. JavaScript cannot promise that no copy is left (SECURITY.md). */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toJSON(): string {
    return '[secret]';
  }

  toString(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}
