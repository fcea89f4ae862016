import type { WitnessSight, WitnessedLog } from '../witnesses/witnessed-log.js';

/** So much later than it can have been the time of an entry may be. */
const AHEAD_SECONDS_MAX = 180;

/**
 * When entries of a log can have been written at the latest: by the verifier's clock, and by that of witnesses, a quorum of
 * those that the policy names (docs/spec/audit-log.md, Times).
 */
export class EntryClock {
  readonly #now: number;
  readonly #sights: readonly WitnessSight[];
  readonly #quorum: number | undefined;

  /** @param now seconds @param witnessed undefined where the policy names nobody, or nothing good of them is at hand */
  constructor(now: number, witnessed: Pick<WitnessedLog, 'seen' | 'quorum'> | undefined) {
    this.#now = now;
    this.#sights = witnessed?.seen.toSorted((left, right) => left.at - right.at) ?? [];
    this.#quorum = witnessed?.quorum;
  }

  /** Whether the policy names witnesses. */
  get isWitnessed(): boolean {
    return this.#quorum !== undefined;
  }

  /** Seconds: when a quorum of the named witnesses had seen an entry; undefined where none has. */
  seenAt(index: number): number | undefined {
    if (this.#quorum === undefined) return undefined;
    return this.#sights.filter(({ entries }) => entries > index)[this.#quorum - 1]?.at;
  }

  /** What the time of an entry is later than, in words; undefined where it is not. @param t RFC 3339 */
  aheadOf(index: number, t: string): string | undefined {
    const at = Date.parse(t) / 1000;
    // guard: audit-time-now
    if (at > this.#now + AHEAD_SECONDS_MAX) return 'it says that it was written later than it is now';
    const seen = this.seenAt(index);
    // guard: audit-time-witnessed
    if (seen !== undefined && at > seen + AHEAD_SECONDS_MAX)
      return 'it says that it was written after witnesses had seen it';
    return undefined;
  }
}
