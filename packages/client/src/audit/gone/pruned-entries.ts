import type { AuditLeaf } from '@bulla/contract';
import { CryptoError, decodeBase64url } from '@bulla/crypto';
import type { OnAbsent } from '@bulla/crypto/log';
import { grouped } from '../audit-verdict.js';
import type { LogBefore, LogName, SaidPrune } from '../log-origin.js';
import { originOf } from '../log-origin.js';

type PruneLeaf = Extract<AuditLeaf, { act: 'log.prune'; res: 'ok' }>;

/** No service is set to keep less. */
const KEPT_MS_MIN = 90 * 86_400_000;

/** What is missing of one log, and what the logs of its service say of that. */
export class PrunedEntries {
  readonly #name: LogName;
  readonly #said: SaidPrune[];
  readonly #own: SaidPrune[] = [];
  #count = 0;
  #last = -1;
  /** When the entry after the last that is missing was written. */
  #nextAt: string | undefined;

  /** @param said by newer logs, which are verified. */
  constructor(name: LogName, said: readonly SaidPrune[]) {
    this.#name = name;
    this.#said = said.filter(({ log }) => log === name.number);
  }

  /** How many entries there are only hashes of. */
  get count(): number {
    return this.#count;
  }

  /** What this log says, of itself and of those before it. */
  get own(): readonly SaidPrune[] {
    return this.#own;
  }

  /** What the first entry of this log said of the one before, where that entry is gone. */
  get before(): LogBefore | undefined {
    return this.#count === 0 ? undefined : this.#said.find(({ before }) => before !== undefined)?.before;
  }

  readonly onAbsent: OnAbsent = ({ first, last }) => {
    this.#count += last - first + 1;
    this.#last = last;
    this.#nextAt = undefined;
  };

  /** Every entry that is there, in order. @throws {CryptoError} token_malformed (entry-form) */
  see(index: number, leaf: AuditLeaf): void {
    if (index === this.#last + 1) this.#nextAt ??= leaf.t;
    if (leaf.act !== 'log.prune' || leaf.res !== 'ok') return;
    const said = saidBy(leaf, this.#name, index);
    this.#own.push(said);
    if (said.log === this.#name.number) this.#said.push(said);
  }

  /**
   * Whether all that is missing was allowed to go: a log says so, and it was old by then as the entry after it shows.
   * @returns where it is said; undefined where nothing is missing
   * @throws {CryptoError} log_inconsistent (missing), with the entries
   */
  requireAllowed(): string | undefined {
    if (this.#count === 0) return undefined;
    // guard: audit-pruned-said without: const said = this.#said;
    const said = this.#said.filter(({ last }) => last >= this.#last);
    if (said.length === 0) throw this.#missing('and no log of the service says that they were kept long enough');
    // The entry after them came later than they did.
    const nextMs = Date.parse(this.#nextAt ?? 'never');
    // guard: audit-pruned-old without: const [by] = nextMs === 0 ? [] : said;
    const by = said.find(({ at }) => Date.parse(at) - nextMs >= KEPT_MS_MIN);
    if (by === undefined) throw this.#missing('and they were not 90 days old when the log said that they go');
    return by.place;
  }

  #missing(why: string): CryptoError {
    const entries = { first: Math.max(0, this.#last + 1 - this.#count), last: this.#last };
    const message = `the log has hashes of them and not the entries, ${why}`;
    return new CryptoError('log_inconsistent', message, { check: 'missing', entries });
  }
}

function saidBy({ obj, t }: PruneLeaf, name: LogName, index: number): SaidPrune {
  const { log, last, before } = obj;
  const ofBefore = log === 1 ? undefined : originOf({ urn: name.urn, number: log - 1 });
  // guard: audit-prune-before
  if (log > name.number || before?.origin !== ofBefore)
    throw new CryptoError('token_malformed', 'it does not say what became of the log before', { check: 'entry-form' });
  return {
    log,
    last,
    at: t,
    place: `entry ${grouped(index)} of ${originOf(name)}`,
    before: before && { origin: before.origin, head: { size: before.size, root: decodeBase64url(before.root) } },
  };
}
