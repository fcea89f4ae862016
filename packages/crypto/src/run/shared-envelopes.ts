import type { KeyRecord } from '../keys/keys.js';
import type { MetEnvelopes, ParsedEnvelope } from './envelope.js';

/** How long, how often and how much may be kept (protocol.md §2.4). */
export interface SharedEnvelopeLimits {
  readonly ageMs: number;
  readonly uses: number;
  /** Of the tokens together, in characters. */
  readonly characters: number;
}

const LIMITS: SharedEnvelopeLimits = { ageMs: 60_000, uses: 1_000, characters: 8 * 1024 * 1024 };

/** What was found out about one envelope: nothing but its bytes and one key went into it. */
interface Entry {
  readonly envelope: ParsedEnvelope;
  /** Under which its signature is good. */
  readonly key: KeyRecord;
  /** `H(E)`. */
  readonly hash: string;
  readonly untilMs: number;
  usesLeft: number;
}

/**
 * Envelopes for several questions, as a responder met them a moment ago: what they say, and that their signature is good
 * under one key. It holds bytes and never standing: whether that key may sign, whose the envelope is, for whom and until
 * when is asked with every question.
 */
export class SharedEnvelopes implements MetEnvelopes {
  readonly #entries = new Map<string, Entry>();
  readonly #monotonicMs: () => number;
  readonly #limits: SharedEnvelopeLimits;
  #characters = 0;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits: SharedEnvelopeLimits = LIMITS) {
    this.#monotonicMs = monotonicMs;
    this.#limits = limits;
  }

  /** What a token says; undefined for one that is not kept. */
  read(token: string): ParsedEnvelope | undefined {
    return this.#find(token)?.envelope;
  }

  /**
   * `H(E)` of a token whose signature was found good under this very key record; undefined otherwise. That is one use.
   * A record of a newer directory is another one.
   */
  hashOf(token: string, key: KeyRecord): string | undefined {
    const entry = this.#find(token);
    if (entry === undefined) return undefined;
    // guard: shared-envelope-key
    if (entry.key !== key) return undefined;
    entry.usesLeft -= 1;
    return entry.hash;
  }

  /** Keeps one whose signature was verified, if it is for several questions; the oldest ones make room. */
  keep(envelope: ParsedEnvelope, key: KeyRecord, hash: string): void {
    const { token, claims } = envelope;
    if (claims.pol.uses === 1 || token.length > this.#limits.characters) return;
    this.#remove(token);
    for (const oldest of this.#entries.keys()) {
      if (this.#characters + token.length <= this.#limits.characters) break;
      this.#remove(oldest);
    }
    const untilMs = this.#monotonicMs() + this.#limits.ageMs;
    this.#entries.set(token, { envelope, key, hash, untilMs, usesLeft: this.#limits.uses });
    this.#characters += token.length;
  }

  #find(token: string): Entry | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    const isOver =
      this.#monotonicMs() >= entry.untilMs || // guard: shared-envelope-age
      entry.usesLeft <= 0; // guard: shared-envelope-uses
    if (!isOver) return entry;
    this.#remove(token);
    return undefined;
  }

  #remove(token: string): void {
    if (this.#entries.delete(token)) this.#characters -= token.length;
  }
}
