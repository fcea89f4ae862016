import type { Clock } from '../process/clock.js';

/** A signature is taken for a minute before and after its times, whatever the policy says; as the ledger keeps nonces. */
const EXTRA_SECONDS = 4 * 60;
/** About 10 MB. A process that answers more within the life of a signature forgets the oldest. */
const KEPT_MAX = 65_536;

/**
 * Signatures of reads that this process has seen. What changes something is remembered by the database (ledger.ts); a
 * read changes nothing, but an attacker who captured one could have it answered for minutes, on the signer's points.
 */
export class ReadNonces {
  /** When each is forgotten, in milliseconds of the clock that nobody sets, in the order in which they came. */
  readonly #seen = new Map<string, number>();
  readonly #clock: Clock;
  readonly #keptMax: number;

  constructor(clock: Clock, keptMax = KEPT_MAX) {
    this.#clock = clock;
    this.#keptMax = keptMax;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /**
   * @param expires of the signature, in seconds
   * @returns whether it comes for the first time
   */
  tryUse(keyid: string, nonce: string, expires: number): boolean {
    const key = `${keyid} ${nonce}`;
    if (this.#seen.has(key)) return false;
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, endMs] of this.#seen) {
      if (endMs >= nowMs && this.#seen.size < this.#keptMax) break;
      this.#seen.delete(oldest);
    }
    const lifeSeconds = Math.max(0, expires - this.#clock.now()) + EXTRA_SECONDS;
    this.#seen.set(key, nowMs + lifeSeconds * 1000);
    return true;
  }
}
