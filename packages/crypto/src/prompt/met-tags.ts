import type { ParsedJws } from '../tokens/compact.js';
import type { MetLimits } from '../tokens/met-tokens.js';
import { MetTokens } from '../tokens/met-tokens.js';
import type { TagClaims } from './tag.js';
import { parseTag } from './tag.js';

/**
 * Tags that were read a moment ago: everybody who asks for a label meets the same. What one says follows from its bytes;
 * who signed it, and whether it counts now, is judged each time.
 */
export class MetTags {
  readonly #met: MetTokens<ParsedJws<TagClaims>>;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits?: MetLimits) {
    this.#met = new MetTokens(monotonicMs, limits);
  }

  /** @throws {CryptoError} as parseTag */
  read(token: string): ParsedJws<TagClaims> {
    return this.#met.readOnce(token, parseTag);
  }
}
