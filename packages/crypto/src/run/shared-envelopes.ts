import type { KeyRecord } from '../keys/keys.js';
import type { MetLimits } from '../tokens/met-tokens.js';
import { MetTokens } from '../tokens/met-tokens.js';
import type { MetEnvelopes, ParsedEnvelope } from './envelope.js';

interface Found {
  readonly envelope: ParsedEnvelope;
  /** Under which its signature is good. */
  readonly key: KeyRecord;
  /** `H(E)`. */
  readonly hash: string;
}

/**
 * Envelopes for several questions, as a responder met them a moment ago: what they say, and that their signature is good
 * under one key. Whether that key may sign, whose the envelope is, for whom and until when is asked with every question.
 */
export class SharedEnvelopes implements MetEnvelopes {
  readonly #met: MetTokens<Found>;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits?: MetLimits) {
    this.#met = new MetTokens(monotonicMs, limits);
  }

  /** What a token says; undefined for one that is not kept. */
  read(token: string): ParsedEnvelope | undefined {
    return this.#met.find(token)?.envelope;
  }

  /**
   * `H(E)` of a token whose signature was found good under this very key record; undefined otherwise. That is one use.
   * A record of a newer directory is another one.
   */
  hashOf(token: string, key: KeyRecord): string | undefined {
    const found = this.#met.find(token);
    if (found === undefined) return undefined;
    // guard: shared-envelope-key
    if (found.key !== key) return undefined;
    this.#met.use(token);
    return found.hash;
  }

  /** Keeps one whose signature was verified, if it is for several questions. */
  keep(envelope: ParsedEnvelope, key: KeyRecord, hash: string): void {
    const { token, claims } = envelope;
    if (claims.pol.uses > 1) this.#met.keep(token, { envelope, key, hash });
  }
}
