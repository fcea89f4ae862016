import { Secret } from '@bulla/crypto';
import type { Clock } from '@bulla/service-kit';

/** How long, how often and how much may be kept. */
export interface CacheLimits {
  readonly ageMs: number;
  readonly uses: number;
  readonly bytes: number;
}

const LIMITS: CacheLimits = { ageMs: 60_000, uses: 1_000, bytes: 32 * 4096 };

interface Entry {
  readonly dek: Secret;
  readonly untilMs: number;
  usesLeft: number;
}

/**
 * Content keys that were unwrapped lately, in the memory of this process alone, wiped when they leave. Of the three
 * results that may be kept (protocol.md §2.4) this is the one that saves a private-key operation; contents and
 * signatures are opened and checked anew, so that no text outlives its run.
 */
export class DataKeyCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #limits: CacheLimits;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, limits: CacheLimits = LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /**
   * A copy of a key, for the caller to wipe.
   * @param whash `H(W)` of the grant that held it; another byte in it is another entry.
   */
  find(whash: string): Secret | undefined {
    const entry = this.#entries.get(whash);
    if (entry === undefined) return undefined;
    if (
      this.#clock.monotonicMs() >= entry.untilMs || // guard: cache-age
      entry.usesLeft === 0 // guard: cache-uses
    ) {
      this.#remove(whash, entry);
      return undefined;
    }
    entry.usesLeft -= 1;
    // guard: cache-copy without: return entry.dek;
    return copyOf(entry.dek);
  }

  /** Keeps a copy of a key; the oldest ones make room. What is there already stays as old as it is. */
  keep(whash: string, dek: Secret): void {
    const { length } = dek.reveal();
    if (this.#entries.has(whash) || length > this.#limits.bytes) return;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes + length <= this.#limits.bytes) break;
      this.#remove(oldest, entry);
    }
    const untilMs = this.#clock.monotonicMs() + this.#limits.ageMs;
    this.#entries.set(whash, { dek: copyOf(dek), untilMs, usesLeft: this.#limits.uses });
    this.#bytes += length;
    this.#timer ??= setInterval(() => this.sweep(), this.#limits.ageMs / 4).unref();
  }

  /** Forgets what is past its age: nothing stays for want of requests. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [whash, entry] of this.#entries) if (nowMs >= entry.untilMs) this.#remove(whash, entry);
  }

  /** Wipes and forgets everything. */
  clear(): void {
    for (const [whash, entry] of this.#entries) this.#remove(whash, entry);
  }

  #remove(whash: string, entry: Entry): void {
    this.#entries.delete(whash);
    this.#bytes -= entry.dek.reveal().length;
    entry.dek.wipe();
    if (this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function copyOf(dek: Secret): Secret {
  return new Secret(dek.reveal().slice());
}
