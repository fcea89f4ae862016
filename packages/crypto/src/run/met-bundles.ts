import type { ContentHeader } from '../prompt/content.js';
import { parseContent } from '../prompt/content.js';
import type { GrantHeader } from '../prompt/grant.js';
import { parseGrant } from '../prompt/grant.js';
import type { ParsedJwe } from '../tokens/compact.js';
import type { MetLimits } from '../tokens/met-tokens.js';
import { MetTokens } from '../tokens/met-tokens.js';
import { SharedEnvelopes } from './shared-envelopes.js';

/**
 * What a responder met of bundles a moment ago: every question about a version brings the same grant and content. They
 * stay sealed, and what their headers say is compared with every question.
 */
export class MetBundles {
  readonly envelopes: SharedEnvelopes;
  readonly #grants: MetTokens<ParsedJwe<GrantHeader>>;
  readonly #contents: MetTokens<ParsedJwe<ContentHeader>>;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits?: MetLimits) {
    this.envelopes = new SharedEnvelopes(monotonicMs, limits);
    this.#grants = new MetTokens(monotonicMs, limits);
    this.#contents = new MetTokens(monotonicMs, limits);
  }

  /** @throws {CryptoError} as parseGrant */
  grant(token: string): ParsedJwe<GrantHeader> {
    return this.#grants.readOnce(token, parseGrant);
  }

  /** @throws {CryptoError} as parseContent */
  content(token: string): ParsedJwe<ContentHeader> {
    return this.#contents.readOnce(token, parseContent);
  }
}
