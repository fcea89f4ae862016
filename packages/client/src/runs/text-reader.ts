import type { Bytes } from '@bulla/crypto';
import { answerText } from '@bulla/crypto';

const NEWLINE = 0x0a;

/**
 * Takes the words out of deltas as they arrive. What it returns, joined, is the text of the answer: both are read by
 * the same function, here line by line, since a line may span deltas.
 */
export class TextReader {
  /** Bytes after the last newline. */
  #pending: Bytes[] = [];

  /**
   * The text that this delta completes.
   * @throws {CryptoError} token_malformed
   */
  read(delta: Bytes): string {
    const end = delta.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#pending.push(delta);
      return '';
    }
    const lines = [...this.#pending, delta.subarray(0, end)];
    this.#pending = [delta.subarray(end)];
    return answerText(lines);
  }

  /** The text of a last line that no newline ends. */
  end(): string {
    return answerText(this.#pending);
  }
}
