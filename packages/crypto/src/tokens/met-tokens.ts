/** How long, how often and how much may be kept (protocol.md §2.4). */
export interface MetLimits {
  readonly ageMs: number;
  /** Those that are counted, see {@link MetTokens.use}. */
  readonly uses: number;
  /** Of the tokens together. */
  readonly characters: number;
}

const LIMITS: MetLimits = { ageMs: 60_000, uses: 1_000, characters: 8 * 1024 * 1024 };

interface Entry<Found> {
  readonly found: Found;
  readonly untilMs: number;
  usesLeft: number;
}

/**
 * Tokens that were met a moment ago, and what was found out about each: of what follows from its bytes alone, or from
 * them and one key, so that finding it out again would find the same. It holds bytes and never standing.
 */
export class MetTokens<Found> {
  readonly #entries = new Map<string, Entry<Found>>();
  readonly #monotonicMs: () => number;
  readonly #limits: MetLimits;
  #characters = 0;

  /** @param monotonicMs a clock that only runs forward, in milliseconds. */
  constructor(monotonicMs: () => number, limits: MetLimits = LIMITS) {
    this.#monotonicMs = monotonicMs;
    this.#limits = limits;
  }

  /** What was found out about a token, every byte of it the same; undefined where nothing is kept. */
  find(token: string): Found | undefined {
    return this.#entryOf(token)?.found;
  }

  /** What reading a token gives, where that is what is kept. One that cannot be read is not. @throws whatever `read` throws */
  readOnce(token: string, read: (token: string) => Found): Found {
    const known = this.find(token);
    if (known !== undefined) return known;
    const found = read(token);
    this.keep(token, found);
    return found;
  }

  /** Counts one use of what {@link find} has found. */
  use(token: string): void {
    const entry = this.#entries.get(token);
    if (entry !== undefined) entry.usesLeft -= 1;
  }

  /** Keeps what was found out, if there is room for the token; the oldest ones make it. */
  keep(token: string, found: Found): void {
    const { ageMs, uses, characters } = this.#limits;
    if (token.length > characters) return;
    this.#remove(token);
    for (const oldest of this.#entries.keys()) {
      if (this.#characters + token.length <= characters) break;
      this.#remove(oldest);
    }
    this.#entries.set(token, { found, untilMs: this.#monotonicMs() + ageMs, usesLeft: uses });
    this.#characters += token.length;
  }

  #entryOf(token: string): Entry<Found> | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    const isOver =
      this.#monotonicMs() >= entry.untilMs || // guard: met-age
      entry.usesLeft <= 0; // guard: met-uses
    if (!isOver) return entry;
    this.#remove(token);
    return undefined;
  }

  #remove(token: string): void {
    if (this.#entries.delete(token)) this.#characters -= token.length;
  }
}
