import type { AuditLeaf } from '@bulla/contract';
import { parseLeaf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { CryptoError, decodeBase64url, decodeUtf8 } from '@bulla/crypto';
import type { OnEntry } from '@bulla/crypto/log';
import { TILE_WIDTH } from '@bulla/crypto/log';
import { checkEvidence } from './entry-evidence.js';
import type { EntryEvidence, LogSource } from './log-source.js';
import type { LogBefore } from './log-origin.js';
import { originOf } from './log-origin.js';
import type { ErasedEvidence } from './gone/erased-evidence.js';
import type { PrunedEntries } from './gone/pruned-entries.js';

/** Gets each entry of a log once it is verified, and its text. */
export type OnLeaf = (index: number, leaf: AuditLeaf, text: string) => void;

export interface EntryJudgeParts {
  readonly org: string;
  readonly urn: string;
  readonly number: number;
  readonly evidence: LogSource['evidence'];
  /** Told of every entry, so that it can say whether what is missing was allowed to go. */
  readonly pruned: PrunedEntries;
  /** The same for evidence. */
  readonly erased: ErasedEvidence;
  readonly trusts: readonly Trust[];
  readonly onLeaf?: OnLeaf | undefined;
}

/** How many entries have evidence, and how many of them it speaks for. */
export interface EvidenceCount {
  readonly signed: number;
  readonly none: number;
  readonly absent: number;
  /** Of those that are absent: what a log says that it was erased, and where. */
  readonly erased: number;
  readonly erasedBy: readonly string[];
  readonly keyUnknown: number;
}

/** An entry that is not what it should be, though the log holds it. */
export class BadEntry extends Error {
  override readonly name = 'BadEntry';
  readonly index: number;
  override readonly cause: CryptoError;

  constructor(index: number, cause: CryptoError) {
    super(cause.message, { cause });
    this.index = index;
    this.cause = cause;
  }
}

/** A run ends minutes after it began, by the evidence of its beginning. */
const RECENT_MAX = 4_096;

/** Judges what the entries of one log say, one after the other. The log itself is verified before. */
export class EntryJudge {
  readonly #parts: EntryJudgeParts;
  readonly #counts = { signed: 0, none: 0, absent: 0, 'key-unknown': 0 };
  /** By hash, as entries hold it. */
  readonly #recent = new Map<string, EntryEvidence>();
  #tile = -1;
  #evidence: ReadonlyMap<number, EntryEvidence> = new Map();
  #newestAt: string | undefined;
  #before: LogBefore | undefined;

  constructor(parts: EntryJudgeParts) {
    this.#parts = parts;
  }

  get count(): EvidenceCount {
    const { signed, none, absent, 'key-unknown': keyUnknown } = this.#counts;
    const { count: erased, places: erasedBy } = this.#parts.erased;
    return { signed, none, absent: absent - erased, erased, erasedBy, keyUnknown };
  }

  /** RFC 3339: when the newest entry was written, by the clock of the service. */
  get newestAt(): string | undefined {
    return this.#newestAt;
  }

  get before(): LogBefore | undefined {
    return this.#before ?? this.#parts.pruned.before;
  }

  /** @throws {BadEntry} */
  readonly judge: OnEntry = async (index, entry) => {
    const { onLeaf, trusts, erased, pruned } = this.#parts;
    try {
      const { leaf, text } = this.#read(index, entry);
      const own = (await this.#evidenceOf(Math.floor(index / TILE_WIDTH))).get(index);
      const found = await checkEvidence(leaf, this.#withEarlier(leaf, own), trusts);
      this.#counts[found]++;
      if (found === 'absent' && 'who' in leaf && 'kid' in leaf.who) erased.miss(index, leaf.who.kid);
      erased.see(index, leaf);
      pruned.see(index, leaf);
      this.#newestAt = leaf.t;
      onLeaf?.(index, leaf, text);
    } catch (error) {
      if (error instanceof CryptoError) throw new BadEntry(index, error);
      throw error;
    }
  };

  #read(index: number, entry: Uint8Array): { readonly leaf: AuditLeaf; readonly text: string } {
    const { org, urn, number } = this.#parts;
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
    // guard: audit-log-before
    if (before?.origin !== (number === 1 ? undefined : originOf({ urn, number: number - 1 })))
      throw malformed('it does not say what became of the log before');
    if (before !== undefined)
      this.#before = { origin: before.origin, head: { size: before.size, root: decodeBase64url(before.root) } };
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

  async #evidenceOf(tile: number): Promise<ReadonlyMap<number, EntryEvidence>> {
    if (tile !== this.#tile) [this.#tile, this.#evidence] = [tile, await this.#parts.evidence(tile)];
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
