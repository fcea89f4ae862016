import type { KeyRecord } from '../keys/keys.js';
import type { MetLimits } from '../tokens/met-tokens.js';
import { MetTokens } from '../tokens/met-tokens.js';

/**
 * Statements that a responder read a moment ago, by their hashes: that their shape is right, and under which key their
 * signature is good (protocol.md §2.4). Of their text nothing is kept.
 */
export class MetStatements {
  readonly #met: MetTokens<KeyRecord>;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits?: MetLimits) {
    this.#met = new MetTokens(monotonicMs, limits);
  }

  /** The key record under which the statement of this hash was found good. That is one use. */
  keyOf(hash: string): KeyRecord | undefined {
    const key = this.#met.find(hash);
    if (key !== undefined) this.#met.use(hash);
    return key;
  }

  /** Is told of one whose signature was verified. */
  keep(hash: string, key: KeyRecord): void {
    this.#met.keep(hash, key);
  }
}
