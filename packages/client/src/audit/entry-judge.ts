import type { AuditLeaf } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { CryptoError, decodeUtf8 } from '@bulla/crypto';
import type { OnEntry } from '@bulla/crypto/log';
import { TILE_WIDTH } from '@bulla/crypto/log';
import type { EvidenceFinding } from './evidence/entry-evidence.js';
import { checkEvidence } from './evidence/entry-evidence.js';
import { isChangeOf, requireActor } from './evidence/entry-fit.js';
import type { EntryEvidence, LogSource } from './log-source.js';
import { entriesText } from './counted-entries.js';
import type { EntryClock } from './entry-clock.js';
import type { LowerLog } from './log-origin.js';
import { lowerLogsIn } from './log-origin.js';
import type { ErasedEvidence } from './gone/erased-evidence.js';
import type { PrunedEntries } from './gone/pruned-entries.js';
import type { Misfit } from './evidence/misfit.js';
import type { RequestMemory } from './evidence/request-memory.js';
import type { ErasureRequests } from './evidence/erasure-requests.js';
import { ServiceAddresses } from './evidence/service-addresses.js';

/** Gets each entry of a log once it is verified, and its text. */
export type OnLeaf = (index: number, leaf: AuditLeaf, text: string) => void;

export interface EntryJudgeParts {
  readonly org: string;
  readonly urn: string;
  readonly number: number;
  readonly pin?: string | undefined;
  /** When entries can have been written at the latest. */
  readonly clock: EntryClock;
  /** How many of its entries count, by what newer logs say; what is behind them is not judged. */
  readonly counts?: number | undefined;
  /** Undefined where only entries are at hand: nothing is missing then, and nothing is shown. */
  readonly evidence: LogSource['evidence'] | undefined;
  /** Told of every entry, so that it can say whether what is missing was allowed to go. */
  readonly pruned: PrunedEntries;
  /** The same for evidence. */
  readonly erased: ErasedEvidence;
  /** What requests brought about in the other logs of the service. */
  readonly requests: RequestMemory;
  /** Which requests had evidence erased at the other services, where their logs are verified, too. */
  readonly erasures?: ErasureRequests | undefined;
  readonly trusts: readonly Trust[];
  readonly onLeaf?: OnLeaf | undefined;
}

/** How many entries have evidence, and how many of them it speaks for. */
export interface EvidenceCount {
  readonly signed: number;
  readonly none: number;
  /** Of those whose evidence is not there: what a log says that it was erased, and where. */
  readonly erased: number;
  readonly erasedBy: readonly string[];
  /** Ends of runs whose beginning is not at hand: they have no evidence of their own. */
  readonly ended: number;
  readonly keyUnknown: number;
  /** The first of them. */
  readonly keyUnknownAt: readonly number[];
  /** Entries that are there twice, letter by letter. */
  readonly repeated: number;
}

/** A run ends minutes after it began, by the evidence of its beginning. */
const RECENT_MAX = 4_096;
const ABSENT = 'what shows who asked is not there, and no owner had it erased';
const UNKNOWN_TOLD_MAX = 5;

/** Judges what the entries of one log say, one after the other. The log itself is verified before. */
export class EntryJudge {
  readonly #parts: EntryJudgeParts;
  readonly #addresses: ServiceAddresses;
  readonly #counts = { signed: 0, none: 0, ended: 0, 'key-unknown': 0, repeated: 0 };
  readonly #keyUnknownAt: number[] = [];
  /** Entries that are none, or stand where they may not. */
  readonly #malformed: Misfit[] = [];
  readonly #misfits: Misfit[] = [];
  /** By hash, as entries hold it. */
  readonly #recent = new Map<string, EntryEvidence>();
  #tile = -1;
  #evidence: ReadonlyMap<number, EntryEvidence> = new Map();
  #newestAt: string | undefined;
  #lower: readonly LowerLog[] | undefined;
  readonly #setAside: number[] = [];

  constructor(parts: EntryJudgeParts) {
    this.#parts = parts;
    this.#addresses = new ServiceAddresses(parts.trusts, parts.urn);
  }

  get count(): EvidenceCount {
    const { 'key-unknown': keyUnknown, ...counts } = this.#counts;
    const { count: erased, places: erasedBy } = this.#parts.erased;
    return { ...counts, erased, erasedBy, keyUnknown, keyUnknownAt: this.#keyUnknownAt };
  }

  /** What is no entry of this log, though the log holds it. */
  get malformed(): readonly Misfit[] {
    return this.#malformed;
  }

  /** Entries that do not fit what shows who asked for them, in their order. */
  get contradicted(): readonly Misfit[] {
    return this.#misfits;
  }

  /** The same, and those of which nothing shows it: once every entry was judged, since what explains that comes later. */
  get misfits(): readonly Misfit[] {
    // guard: audit-evidence-there without: const absent: Misfit[] = [];
    const absent = this.#parts.erased.unexplained.map((index): Misfit => ({ index, message: ABSENT, isAbsent: true }));
    return [...this.#misfits, ...absent].toSorted((left, right) => left.index - right.index);
  }

  /** RFC 3339: when the newest entry was written, by the clock of the service. */
  get newestAt(): string | undefined {
    return this.#newestAt;
  }

  /** What the log says of those with lower numbers. */
  get lower(): readonly LowerLog[] {
    return this.#lower ?? this.#parts.pruned.lower ?? [];
  }

  /** Entries that say that rows were set aside, which came into no log. */
  get setAside(): readonly number[] {
    return this.#setAside;
  }

  /** A bad entry is remembered, and the next one is judged: what is behind it is seen all the same. */
  readonly judge: OnEntry = async (index, entry) => {
    const { onLeaf, erased, pruned, clock, counts } = this.#parts;
    // guard: audit-late-uncounted
    if (counts !== undefined && index >= counts) return;
    try {
      const { leaf, text } = this.#read(index, entry);
      const ahead = clock.aheadOf(index, leaf.t);
      // guard: audit-entry-time
      if (ahead !== undefined) throw malformed(ahead);
      const found = await this.#findingOf(index, leaf, text);
      erased.see(index, leaf, found === 'signed-by-owner');
      pruned.see(index, leaf);
      if (leaf.act === 'audit.set-aside' && leaf.res === 'ok' && leaf.obj.items > 0) this.#setAside.push(index);
      this.#newestAt = leaf.t;
      onLeaf?.(index, leaf, text);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      this.#malformed.push({ index, message: error.message });
    }
  };

  /** @returns undefined for an entry that does not fit, which is remembered */
  async #findingOf(index: number, leaf: AuditLeaf, text: string): Promise<EvidenceFinding | undefined> {
    const { evidence, trusts } = this.#parts;
    try {
      requireActor(leaf);
      if (evidence === undefined) {
        await this.#remember(leaf, text);
        return undefined;
      }
      const own = (await this.#evidenceOf(evidence, Math.floor(index / TILE_WIDTH))).get(index);
      const found = await checkEvidence(leaf, this.#withEarlier(leaf, own), trusts, this.#addresses);
      await this.#remember(leaf, text);
      this.#note(index, leaf, found);
      return found;
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      this.#misfits.push({ index, message: error.message });
      return undefined;
    }
  }

  async #remember(leaf: AuditLeaf, text: string): Promise<void> {
    const isEnd = leaf.act === 'invocation.finish';
    const { erasures, requests, urn } = this.#parts;
    const isChange = leaf.act !== 'request.refuse' && (isEnd || isChangeOf(leaf));
    if (isChange) erasures?.see(urn, leaf);
    if (await (isChange ? requests.see(leaf, text) : requests.isAgain(text))) this.#counts.repeated++;
  }

  #note(index: number, leaf: AuditLeaf, found: EvidenceFinding): void {
    if (found === 'absent') {
      if (leaf.act === 'invocation.finish') this.#counts.ended++;
      else if ('who' in leaf && 'kid' in leaf.who) this.#parts.erased.miss(index, leaf.who.kid, leaf.act);
      return;
    }
    this.#counts[found === 'signed-by-owner' ? 'signed' : found]++;
    if (found === 'key-unknown' && this.#keyUnknownAt.length < UNKNOWN_TOLD_MAX) this.#keyUnknownAt.push(index);
  }

  #read(index: number, entry: Uint8Array): { readonly leaf: AuditLeaf; readonly text: string } {
    const { org, number } = this.#parts;
    const read = leafOf(entry);
    const { leaf } = read;
    // guard: audit-entry-organisation
    if (leaf.org !== org) throw malformed('it is of another organisation');
    const begins = leaf.act === 'log.begin' && leaf.res === 'ok';
    // guard: audit-log-begin
    if (begins !== (index === 0)) throw malformed('a log begins with log.begin, and has it nowhere else');
    if (!begins) return read;
    const { log, before } = leaf.obj;
    // guard: audit-log-number
    if (log !== number) throw malformed(`it begins log ${log}, and this is log ${number}`);
    const lower = lowerLogsIn(before, this.#parts);
    if (lower === 'malformed') throw malformed('it does not say what became of the log before');
    this.#lower = lower;
    return read;
  }

  /** The evidence of an entry; where it has none, that of an entry before it that the same request brought about. */
  #withEarlier(leaf: AuditLeaf, own: EntryEvidence | undefined): EntryEvidence | undefined {
    if (!('ev' in leaf) || leaf.ev === undefined) return own;
    if (own === undefined) return this.#recent.get(leaf.ev);
    this.#recent.set(leaf.ev, own);
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined && this.#recent.size > RECENT_MAX) this.#recent.delete(oldest);
    return own;
  }

  /** A file that cannot be read is said once; then its entries have none. */
  async #evidenceOf(read: LogSource['evidence'], tile: number): Promise<ReadonlyMap<number, EntryEvidence>> {
    if (tile === this.#tile) return this.#evidence;
    [this.#tile, this.#evidence] = [tile, new Map()];
    this.#evidence = await read(tile);
    return this.#evidence;
  }
}

function leafOf(entry: Uint8Array): { readonly leaf: AuditLeaf; readonly text: string } {
  try {
    const text = decodeUtf8(entry);
    return { leaf: parseLeaf(text), text };
  } catch (cause) {
    throw new CryptoError('token_malformed', 'it is not an entry as this version of Bulla knows them', {
      check: 'entry-form',
      cause,
    });
  }
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message, { check: 'entry-form' });
}

/** What the log holds are entries, each at its place. @throws {CryptoError} token_malformed (entry-form) */
export function requireEntries(bad: readonly Misfit[]): void {
  const [first] = bad;
  if (first === undefined) return;
  const more = bad.length === 1 ? '' : `; and ${entriesText(bad.length - 1)} more like that`;
  const entries = { first: first.index, last: first.index };
  throw new CryptoError('token_malformed', `${first.message}${more}`, { check: 'entry-form', entries });
}
