import { originOf } from '@bulla/crypto/log';
import type { AuditLeaf } from '@bulla/contract';
import { CryptoError } from '@bulla/crypto';
import type { LogName, OnAbsent } from '@bulla/crypto/log';
import { grouped } from '../counted-entries.js';
import type { EntryClock } from '../entry-clock.js';
import type { LowerLog, SaidPrune } from '../log-origin.js';
import { lowerLogsIn } from '../log-origin.js';

type PruneLeaf = Extract<AuditLeaf, { act: 'log.prune'; res: 'ok' }>;

/** No service is set to keep less. */
const KEPT_MS_MIN = 90 * 86_400_000;

/** What is missing of one log, and what the logs of its service say of that. */
export class PrunedEntries {
  readonly #name: LogName;
  readonly #said: SaidPrune[];
  readonly #clock: EntryClock;
  readonly #isEnded: boolean;
  /** What this log says, and where. */
  readonly #own: { readonly said: SaidPrune; readonly index: number; behindMs: number | undefined }[] = [];
  #count = 0;
  #last = -1;
  /** When the entry after the last that is missing was written. */
  #nextAt: string | undefined;

  /** @param said by newer logs, which are verified. @param isEnded whether a newer log follows this one */
  constructor(name: LogName, said: readonly SaidPrune[], clock: EntryClock, isEnded = false) {
    this.#name = name;
    this.#clock = clock;
    this.#isEnded = isEnded;
    this.#said = said.filter(({ log }) => log === name.number);
  }

  /** How many entries there are only hashes of. */
  get count(): number {
    return this.#count;
  }

  /** What this log says, of itself and of those before it; once every entry was seen. */
  get own(): readonly SaidPrune[] {
    return this.#own.flatMap(({ said, index, behindMs }) => {
      const seen = this.#clock.seenAt(index);
      // Whoever watches the log after it watches what that says of this one.
      // guard: audit-prune-witnessed
      if (seen === undefined && this.#clock.isWitnessed && !this.#isEnded) return [];
      const moments = [Date.parse(said.at), behindMs, seen && seen * 1000].filter((one) => one !== undefined);
      // guard: audit-prune-behind without: return [{ ...said, at: new Date(moments[0] ?? 0).toISOString() }];
      return [{ ...said, at: new Date(Math.min(...moments)).toISOString() }];
    });
  }

  /** What the first entry of this log said of those before it, where that entry is gone. */
  get lower(): readonly LowerLog[] | undefined {
    return this.#count === 0 ? undefined : this.#all().find(({ lower }) => lower !== undefined)?.lower;
  }

  readonly onAbsent: OnAbsent = ({ first, last }) => {
    this.#count += last - first + 1;
    this.#last = last;
    this.#nextAt = undefined;
  };

  /** Every entry that is there, in order. @throws {CryptoError} token_malformed (entry-form) */
  see(index: number, leaf: AuditLeaf): void {
    if (index === this.#last + 1) this.#nextAt ??= leaf.t;
    const atMs = Date.parse(leaf.t);
    for (const one of this.#own) one.behindMs = Math.max(one.behindMs ?? atMs, atMs);
    if (leaf.act !== 'log.prune' || leaf.res !== 'ok') return;
    this.#own.push({ said: saidBy(leaf, this.#name, index), index, behindMs: undefined });
  }

  /**
   * Whether all that is missing was allowed to go: a log says so, and it was old by then as the entry after it shows.
   * @returns where it is said; undefined where nothing is missing
   * @throws {CryptoError} log_inconsistent (missing), with the entries
   */
  requireAllowed(): string | undefined {
    if (this.#count === 0) return undefined;
    // guard: audit-pruned-said without: const said = this.#all();
    const said = this.#all().filter(({ last }) => last >= this.#last);
    if (said.length === 0) throw this.#missing('and no log of the service says that they were kept long enough');
    // The entry after them came later than they did.
    const nextMs = Date.parse(this.#nextAt ?? 'never');
    // guard: audit-pruned-old without: const [by] = nextMs === 0 ? [] : said;
    const by = said.find(({ at }) => Date.parse(at) - nextMs >= KEPT_MS_MIN);
    if (by === undefined) throw this.#missing('and they were not 90 days old when the log said that they go');
    return by.place;
  }

  /** Of this log: what newer ones say, and what it says itself. */
  #all(): readonly SaidPrune[] {
    return [...this.#said, ...this.own.filter(({ log }) => log === this.#name.number)];
  }

  #missing(why: string): CryptoError {
    const entries = { first: Math.max(0, this.#last + 1 - this.#count), last: this.#last };
    const message = `the log has hashes of them and not the entries, ${why}`;
    return new CryptoError('log_inconsistent', message, { check: 'missing', entries });
  }
}

function saidBy({ obj, t }: PruneLeaf, name: LogName, index: number): SaidPrune {
  const { log, last, before } = obj;
  // One that is older than numbered keys is told of in its own form.
  const isNumbered = log === name.number ? name.pin !== undefined : Array.isArray(before);
  const lower = lowerLogsIn(before, { ...name, number: log, pin: isNumbered ? name.pin : undefined });
  // guard: audit-prune-before
  if (log > name.number || lower === 'malformed')
    throw new CryptoError('token_malformed', 'it does not say what became of the log before', { check: 'entry-form' });
  return {
    log,
    last,
    at: t,
    place: `entry ${grouped(index)} of ${originOf(name)}`,
    lower,
  };
}
