/** Organisations at work at the same time, several times over. */
const KEKS_MAX = 1_000;
/** From when it was unwrapped, however often it is used. */
const LIFE_MS = 300_000;

interface Kept {
  readonly key: Uint8Array;
  readonly untilMs: number;
}

/** Which KEK it is. With its wrapped text: in a restored table another key may bear the same number. */
export interface KekName {
  readonly org: string;
  readonly version: number;
  readonly wrapped: string;
}

/** KEKs in the clear, for a few minutes and in this process alone; what leaves is wiped. */
export class UnwrappedKeks {
  readonly #nowMs: () => number;
  readonly #kept = new Map<string, Kept & { readonly name: KekName }>();
  readonly #coming = new Map<string, Promise<void>>();

  /** @param nowMs a clock that never goes back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The names of all that are here. */
  get names(): readonly KekName[] {
    return [...this.#kept.values()].map(({ name }) => name);
  }

  /**
   * Works with a copy of a key, which is wiped afterwards.
   * @param unwrap gets the key where it is not here; once for all who ask meanwhile. What it gives is taken over.
   */
  async use<Result>(
    name: KekName,
    unwrap: () => Promise<Uint8Array>,
    work: (key: Uint8Array) => Promise<Result>,
  ): Promise<Result> {
    const copy = await this.#copy(name, unwrap);
    try {
      return await work(copy);
    } finally {
      copy.fill(0);
    }
  }

  /** Wipes those that are past their time, or of which somebody says so. */
  drop(isGone: (name: KekName) => boolean = () => false): void {
    const nowMs = this.#nowMs();
    for (const [id, { name, untilMs }] of this.#kept) if (untilMs <= nowMs || isGone(name)) this.#wipe(id);
  }

  async #copy(name: KekName, unwrap: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const id = `${name.org} ${name.version} ${name.wrapped}`;
    for (;;) {
      const kept = this.#kept.get(id);
      // guard: kek-cache-ends without: if (kept !== undefined) return kept.key.slice();
      if (kept !== undefined && this.#nowMs() < kept.untilMs) return kept.key.slice();
      this.#wipe(id);
      const coming = this.#coming.get(id) ?? this.#bring(id, name, unwrap);
      this.#coming.set(id, coming);
      await coming;
    }
  }

  async #bring(id: string, name: KekName, unwrap: () => Promise<Uint8Array>): Promise<void> {
    try {
      // The life begins before: a provider that answers late does not make it longer.
      const untilMs = this.#nowMs() + LIFE_MS;
      const key = await unwrap();
      this.#kept.set(id, { key, untilMs, name });
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > KEKS_MAX && oldest !== undefined) this.#wipe(oldest);
    } finally {
      this.#coming.delete(id);
    }
  }

  #wipe(id: string): void {
    this.#kept.get(id)?.key.fill(0);
    this.#kept.delete(id);
  }
}
