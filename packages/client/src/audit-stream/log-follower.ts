import { CryptoError, strictParse, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { LOG_ENTRY_MAX_BYTES, originOf, parseOrigin, treeHeadOf } from '@bulla/crypto/log';
import { askLog } from '../audit/audit-call.js';
import { listed } from '../audit/audit-entries.js';
import { auditService } from '../audit/audit-services.js';
import type { LogVerdict } from '../audit/audit-verdict.js';
import { isChainGood } from '../audit/audit-verdict.js';
import { entriesText } from '../audit/counted-entries.js';
import { EntryClock } from '../audit/entry-clock.js';
import { EntryJudge } from '../audit/entry-judge.js';
import { ErasedEvidence } from '../audit/gone/erased-evidence.js';
import { PrunedEntries } from '../audit/gone/pruned-entries.js';
import { isSameHead } from '../audit/kept-heads.js';
import { RequestMemory } from '../audit/evidence/request-memory.js';
import type { SeenLog } from '../audit/seen-heads.js';
import { isPrefix, seeLogs, sizeOf } from '../audit/seen-heads.js';
import { bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import type { LogPlace } from './log-place.js';
import { beginningOf, placeAfter } from './log-place.js';
import { frontierOf, frontierWithin } from './tree-frontier.js';
import type { StreamedEntry } from './streamed-entry.js';

/** What comes next in the logs of a service. */
export interface LogWindow {
  /** In order and without a gap; each is in the tree that the service signed. */
  readonly entries: readonly StreamedEntry[];
  /** Before the first of them. */
  readonly place: LogPlace;
  /** How many signed entries of this log follow them. */
  readonly behind: number;
  /** A log that is over, where it lost entries that come in no window. */
  readonly lost?: SomeEntries | undefined;
  /** Entries that were kept long enough and come in no window: the service has only their hashes. */
  readonly pruned?: SomeEntries | undefined;
}

interface SomeEntries {
  readonly origin: string;
  readonly entries: number;
}

/** Most entries that are asked for at a time. */
const PAGE = 200;

/** What verifying found of logs that are over; asked for again when another log begins. */
interface Ended {
  readonly newest: number;
  readonly logs: readonly LogVerdict[];
}

/**
 * Follows the logs of one service. It reads as the followers of `bulla audit tail` do, since a page that has nothing but
 * readings of the log is not written down: what reads by whole bundles would write an entry with each look, for ever.
 */
export class LogFollower {
  readonly #session: Session;
  readonly #urn: string;
  readonly #verify: (urn: string) => Promise<readonly LogVerdict[]>;
  readonly #origins = new Map<number, string>();
  #ended: Ended | undefined;

  /** @param verify every log of a service, from its first to its newest signed entry */
  constructor(session: Session, urn: string, verify: (urn: string) => Promise<readonly LogVerdict[]>) {
    this.#session = session;
    this.#urn = urn;
    this.#verify = verify;
  }

  /**
   * The entries that come next, verified; undefined where there is none yet.
   * @param place behind what is done; undefined to begin with the first entry of the oldest log.
   * @throws {VerifyError} log_inconsistent: nothing of this log may leave; {BullaError} if the service does not answer
   */
  async next(place: LogPlace | undefined): Promise<LogWindow | undefined> {
    const service = await this.#service();
    const logs = (await seeLogs(this.#session, service)).filter(hasBegun);
    const [oldest, newest] = [logs[0], logs.at(-1)];
    if (oldest === undefined || newest === undefined) return undefined;
    for (const { log, origin } of logs) this.#origins.set(log, origin);
    const at = place ?? beginningOf(this.#urn, oldest.log);
    const first = logs.find(({ log }) => log === at.log)?.first ?? 0;
    if (at.frontier.size < first) return this.#afterPruned(service, at, first);
    if (at.log < newest.log) return this.#ofEnded(service, at, newest.log);
    // guard: stream-log-gone
    if (at.log > newest.log) throw inconsistent(this.#originOf(at), 'the service does not show it any more', 'missing');
    return newest.head && this.#window(service, at, newest.head);
  }

  /** The end of what is signed now: the place of a stream that begins with what comes next. */
  async end(): Promise<LogPlace | undefined> {
    const service = await this.#service();
    const newest = (await seeLogs(this.#session, service)).findLast(hasBegun);
    if (newest?.head === undefined) return undefined;
    const { log, head } = newest;
    return { service: this.#urn, log, frontier: await frontierOf(this.#session, service, { log, head }) };
  }

  /** How many entries the newest log has behind a place, by the word of the service; undefined where that is not known. */
  async behind(place: LogPlace | undefined): Promise<number | undefined> {
    const { data } = await askLog(this.#session, await this.#service(), 'audit.checkpoint', { again: () => undefined });
    const newest = data.findLast(hasBegun);
    if (newest === undefined || newest.checkpoint === null) return undefined;
    const size = await sizeOf(newest.checkpoint);
    return Math.max(0, newest.log === place?.log ? size - place.frontier.size : size);
  }

  /** The name under which the service shows a log. */
  #originOf({ log }: LogPlace): string {
    return this.#origins.get(log) ?? originOf({ urn: this.#urn, number: log });
  }

  async #service(): Promise<Service> {
    return auditService(this.#session, await this.#session.keeper.current(), this.#urn);
  }

  async #ofEnded(service: Service, at: LogPlace, newest: number): Promise<LogWindow | undefined> {
    const logs = await this.#endedLogs(newest);
    const origin = this.#originOf(at);
    const found = logs.findIndex((one) => one.origin === origin);
    const ended = logs[found];
    // What came after the next log began counts nothing.
    const head = ended?.counted ?? ended?.head;
    const { size } = at.frontier;
    if (head !== undefined && size < head.size) return this.#window(service, at, head);
    // What is signed of it is done. The next log says how much there was.
    const signed = Math.max(size, ...(ended?.losses ?? []).map(({ known }) => known?.size ?? 0));
    const missing = Math.max(0, signed - size);
    const place = beginningOf(this.#urn, at.log + 1);
    return { entries: [], place, behind: 0, lost: missing === 0 ? undefined : { origin, entries: missing } };
  }

  /** Where the log goes on whose next entries are no longer kept. */
  async #afterPruned(service: Service, at: LogPlace, first: number): Promise<LogWindow> {
    const origin = this.#originOf(at);
    const { size } = at.frontier;
    // Whether they were allowed to go is said in the logs themselves.
    const found = (await this.#allGood()).find((one) => one.origin === origin);
    // guard: stream-pruned without: if (found?.head === undefined)
    if (found?.head === undefined || found.prunedEntries < first)
      throw inconsistent(origin, `entry ${size} is not there, and the log does not say that it went`, 'missing');
    const { head } = found;
    const frontier = await frontierWithin(this.#session, service, { log: at.log, size: first, head });
    const place = { service: this.#urn, log: at.log, frontier };
    if (size > 0) await this.#requireContinues(service, place, await treeHeadOf(at.frontier));
    return { entries: [], place, behind: head.size - first, pruned: { origin, entries: first - size } };
  }

  /** All logs of the service, each whole: a log that is over is believed for what the next one says of it. */
  async #endedLogs(newest: number): Promise<readonly LogVerdict[]> {
    if (this.#ended?.newest === newest) return this.#ended.logs;
    const logs = await this.#allGood();
    this.#ended = { newest, logs };
    return logs;
  }

  async #allGood(): Promise<readonly LogVerdict[]> {
    const logs = await this.#verify(this.#urn);
    const bad = logs.find((one) => !isChainGood(one));
    // guard: stream-ended-logs
    if (bad !== undefined)
      throw inconsistent(bad.origin, bad.failure?.message ?? 'it is not good', bad.failure?.kind ?? 'entries');
    return logs;
  }

  async #window(service: Service, at: LogPlace, head: TreeHead): Promise<LogWindow | undefined> {
    const origin = this.#originOf(at);
    const { size } = at.frontier;
    if (size >= head.size) {
      await this.#requireContinues(service, at, head);
      return undefined;
    }
    const entries = await this.#read(service, at, head.size);
    const after = await treeHeadOf((await placeAfter(at, entries)).frontier);
    // The entries that are done, and these behind them, are what the signed tree begins with.
    const isIn = isSameHead(after, head) || (await this.#isPrefix(service, at.log, after, head));
    // guard: stream-entries-signed
    if (!isIn)
      throw inconsistent(
        origin,
        `entries ${size} to ${after.size - 1} do not lead from what was sent before to the tree that is signed`,
        'entry',
      );
    return { entries: await this.#judged(at, entries), place: at, behind: head.size - after.size };
  }

  /** Entries up to a size, exactly as they are listed. */
  async #read(service: Service, at: LogPlace, size: number): Promise<StreamedEntry[]> {
    const from = at.frontier.size;
    const origin = this.#originOf(at);
    const query = { log: at.log, from, limit: Math.min(PAGE, size - from) };
    const { data } = await askLog(this.#session, service, 'audit.list', { query });
    const entries: StreamedEntry[] = [];
    for (const record of data) {
      const { index, leaf, entry } = listed(this.#urn, at.log, record);
      // guard: stream-gap
      if (index !== from + entries.length)
        throw inconsistent(origin, `entry ${from + entries.length} is not there`, 'missing');
      // guard: stream-spelling without: if (entry === undefined)
      if (entry === undefined || !isOneSpelling(leaf))
        throw inconsistent(origin, `entry ${index} is not an entry as this version of Bulla knows them`, 'entry-form');
      entries.push({ origin, index, leaf, entry });
    }
    // guard: stream-cut
    if (entries.length < query.limit)
      throw inconsistent(
        origin,
        `entry ${from + entries.length} is not there, and ${entriesText(size)} are signed`,
        'missing',
      );
    return entries;
  }

  /** What each entry says, as `verify` judges it, but for the requests behind them: those are not in the pages that it reads. */
  async #judged(at: LogPlace, entries: readonly StreamedEntry[]): Promise<StreamedEntry[]> {
    const { org } = this.#session.identity;
    const name = parseOrigin(this.#originOf(at)) ?? { urn: this.#urn, number: at.log };
    const clock = new EntryClock(this.#session.now(), undefined);
    const [pruned, erased] = [new PrunedEntries(name, [], clock), new ErasedEvidence(name, [])];
    const requests = new RequestMemory();
    const judge = new EntryJudge({ org, ...name, clock, evidence: undefined, pruned, erased, requests, trusts: [] });
    for (const { index, leaf } of entries) await judge.judge(index, utf8(leaf));
    const [malformed] = judge.malformed;
    // guard: stream-entry-judged
    if (malformed !== undefined)
      throw inconsistent(originOf(name), `entry ${malformed.index}: ${malformed.message}`, 'entry-form');
    const misfits = new Map(judge.contradicted.map(({ index, message }) => [index, message]));
    return entries.map((entry) => {
      const misfit = misfits.get(entry.index);
      // guard: stream-misfit-marked without: return entry;
      return misfit === undefined ? entry : { ...entry, misfit };
    });
  }

  /** A head that is not behind the place is the tree of the place, or an older one that the place goes on from. */
  async #requireContinues(service: Service, at: LogPlace, head: TreeHead): Promise<void> {
    const done = await treeHeadOf(at.frontier);
    const continues =
      isSameHead(done, head) || (head.size < done.size && (await this.#isPrefix(service, at.log, head, done)));
    // guard: stream-rollback
    if (!continues)
      throw inconsistent(
        this.#originOf(at),
        `${entriesText(done.size)} were sent, and the log that is signed does not have them: it was rewritten, or some were taken away`,
        'rollback',
      );
  }

  #isPrefix(service: Service, log: number, older: TreeHead, newer: TreeHead): Promise<boolean> {
    return isPrefix(this.#session, service, log, { older, newer });
  }
}

/** A log without a checkpoint may never begin. */
function hasBegun({ checkpoint }: Pick<SeenLog, 'checkpoint'>): boolean {
  // guard: stream-log-begun without: return checkpoint !== undefined;
  return checkpoint !== null;
}

/** Whether a leaf is JSON of one line that every reader reads alike. */
function isOneSpelling(leaf: string): boolean {
  try {
    strictParse(utf8(leaf), { maxBytes: LOG_ENTRY_MAX_BYTES });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function inconsistent(origin: string, message: string, check: string | undefined) {
  return bullaError('log_inconsistent', { message: `${origin}: ${message}`, origin: 'client', check });
}
