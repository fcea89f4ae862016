import type { Bytes } from '@bulla/crypto';
import { CryptoError, decodeUtf8, equalBytes } from '@bulla/crypto';
import type { Frontier } from '@bulla/crypto/log';
import { leafHash, TILE_WIDTH, treeHeadOf } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { AcknowledgedLeaves } from '../audit/acknowledged-leaves.js';
import { leafName } from '../audit/acknowledged-leaves.js';
import type { RowSecrets } from '../audit/row-secrets.js';
import type { Clock } from '../process/clock.js';
import type { EntryTerms } from '../audit-log/entry-terms.js';
import { termsOf } from '../audit-log/entry-terms.js';
import type { LogHead } from '../audit-log/log-head.js';
import { isMoment } from '../audit-log/months.js';
import type { WaitingRow } from '../audit-log/log.repository.js';
import { LogRepository } from '../audit-log/log.repository.js';
import { followLeaves, treeHashes } from '../audit-log/tree-hashes.js';
import { frontierAt } from '../audit-log/frontier-at.js';
import { LeavesRepository } from './leaves.repository.js';
import type { WrittenLog } from './leaf-places.js';
import { LeafPlaces } from './leaf-places.js';
import { moveAside, moveUncounted } from './set-aside.js';

type Db = Kysely<LedgerTables>;

/** As far ahead of its own clock a sequencer takes a row: who wrote it may be off by as much. */
const AHEAD_MAX_MS = 60_000;
/** For so long at least what came into a log is remembered here; rows that are older are looked for in the database. */
const REMEMBERED_MS = 120_000;
/** Between two clocks that are each so far from the database's as rows may be written with. */
const APART_MAX_MS = 2 * AHEAD_MAX_MS;

/** What came into a log before this process looked is read up to so many entries; of more, rows are looked for by their ids. */
const READ_MAX = 250_000;

/** A row that comes into the log, and what it is found by there. */
export interface CheckedRow extends WaitingRow {
  readonly terms: EntryTerms;
  /** Of its leaf in the tree. */
  readonly hash: Bytes;
  /** The same as a text. */
  readonly name: string;
}

/** What a look into the outbox came to. */
export interface Taken {
  readonly rows: readonly CheckedRow[];
  /** How many were found forged, and were moved away. */
  readonly forged: number;
  /** Whether there was more than was asked for. */
  readonly isCut: boolean;
}

interface Memory {
  readonly log: number;
  readonly frontier: Frontier;
  /** All that came into the log with a later time is in one of the two. */
  readonly sinceMs: number;
  readonly lately: Leaves;
  readonly before: Leaves;
}

/** Leaves that came into the log in one stretch of time. They are not gone through: there are very many. */
interface Leaves {
  /** Their hashes, as `leafName` spells them. */
  readonly names: Set<string>;
  readonly beganMs: number;
  /** The latest time that one of them may have. */
  latestMs: number;
}

export interface RowCheckParts {
  readonly logs: Pick<LogRepository, 'take'>;
  readonly keys: { readonly rows: RowSecrets };
  readonly clock: Pick<Clock, 'nowMs'>;
  /** What this process wrote, and no checkpoint holds. */
  readonly told?: Pick<AcknowledgedLeaves, 'isTold'> | undefined;
}

/**
 * What of the outbox comes into a log: rows that a process of the service wrote, each once, and none from the future
 * (docs/spec/audit-log.md#rows-before-the-log).
 */
export class RowCheck {
  readonly #parts: RowCheckParts;
  readonly #memories = new Map<string, Memory>();

  constructor(parts: RowCheckParts) {
    this.#parts = parts;
  }

  /**
   * Takes rows that come next. Forged ones and second ones leave the outbox in this transaction, so that they keep nobody
   * waiting; those from the future stay in it.
   */
  async take(trx: Db, { head, marks }: WrittenLog, limit: number): Promise<Taken> {
    const { logs, keys } = this.#parts;
    const memory = await this.#memoryOf(trx, { head, marks });
    let forged = 0;
    let after = 0;
    for (;;) {
      const page = await logs.take(trx, head.org, { limit, known: keys.rows.ids, after });
      if (page.length === 0 && after === 0) forged += await moveUncounted(trx, head.org);
      const isCut = page.length === limit;
      const sorted = await this.#sort(head, memory, page);
      await moveAside(
        trx,
        head.org,
        sorted.forged.map(({ id }) => id),
        'forged',
      );
      const again = await againAmong(trx, { head, marks }, memory, sorted.rows);
      await drop(trx, head.org, [...sorted.again, ...again]);
      forged += sorted.forged.length;
      const rows = again.size === 0 ? sorted.rows : sorted.rows.filter((row) => !again.has(row));
      if (rows.length > 0 || !isCut) return { rows, forged, isCut };
      after = page.at(-1)?.id ?? after;
    }
  }

  /** Remembers what came into the log, once that is committed. */
  note(after: LogHead, rows: readonly CheckedRow[]): void {
    const memory = this.#memories.get(after.org);
    if (memory?.log !== after.log) return;
    const names = rows.map(({ name }) => name);
    const latestMs = Math.max(...rows.map(({ terms }) => terms.tMs ?? 0));
    this.#memories.set(after.org, this.#remember(after, memory, { names, latestMs }));
  }

  async #sort(head: LogHead, memory: Memory, page: readonly WaitingRow[]) {
    const { keys, clock, told } = this.#parts;
    const latestMs = clock.nowMs() + AHEAD_MAX_MS;
    const seen = new Set<string>();
    const rows: CheckedRow[] = [];
    const forged: WaitingRow[] = [];
    const again: WaitingRow[] = [];
    for (const row of page) {
      const { leaf, secretId: id, mac } = row;
      // guard: row-moment
      if (!isMoment(row.at)) {
        forged.push(row);
        continue;
      }
      const hash = await leafHash(leaf);
      const name = leafName(hash);
      // What this process wrote itself it knows without a MAC.
      const isOwn = told?.isTold(head.org, name, row) === true;
      // guard: row-forged
      if (!isOwn && keys.rows.check(head.org, leaf, { id, mac }) !== 'good') {
        forged.push(row);
        continue;
      }
      // guard: row-again
      if (seen.has(name) || memory.lately.names.has(name) || memory.before.names.has(name)) {
        again.push(row);
        continue;
      }
      const terms = termsOf(decodeUtf8(leaf));
      // guard: row-ahead
      if (terms.tMs !== undefined && terms.tMs > latestMs) continue;
      seen.add(name);
      rows.push({ ...row, terms, hash, name });
    }
    return { rows, forged, again };
  }

  /** What came into a log up to its head, as far as it is remembered or can be read. */
  async #memoryOf(trx: Db, written: WrittenLog): Promise<Memory> {
    const { head } = written;
    const memory = this.#memories.get(head.org);
    // What another process wrote since.
    const caughtUp = memory?.log === head.log ? await this.#read(trx, memory, head) : undefined;
    const found = caughtUp ?? (await this.#begin(trx, written));
    this.#memories.set(head.org, found);
    return found;
  }

  /** What came lately, by what the database says of when. */
  async #begin(trx: Db, { head, marks }: WrittenLog): Promise<Memory> {
    const { org, log, size } = head;
    // By the clock of the database, which those who write rows are close to.
    const since = await new LeavesRepository(trx).firstSince(org, log, (REMEMBERED_MS + APART_MAX_MS) / 1000);
    const { first = size, nowMs } = since;
    // One that has just begun may follow one that is not read here.
    if (first > 0 || marks.every(({ number }) => number === log)) {
      const at = Math.max(0, Math.min(first, size));
      const frontier = await frontierAt(at - (at % TILE_WIDTH), treeHashes(new LogRepository(trx), head)).catch(
        ifAbsent,
      );
      const sinceMs = nowMs - REMEMBERED_MS;
      const read = frontier && (await this.#read(trx, this.#empty({ log, frontier }, sinceMs), head));
      if (read !== undefined) return read;
    }
    return this.#empty(head, nowMs + APART_MAX_MS);
  }

  /** @returns undefined where the tiles do not lead to the head. */
  async #read(trx: Db, memory: Memory, head: LogHead): Promise<Memory | undefined> {
    const { frontier: before } = memory;
    if (before.size > head.size || head.size - before.size > READ_MAX) return undefined;
    const names: string[] = [];
    const note = (hash: Bytes) => void names.push(leafName(hash));
    const frontier = await followLeaves(new LogRepository(trx), head, before, note);
    // guard: row-read-proven without: if (frontier === undefined) return undefined;
    if (frontier === undefined || !equalBytes((await treeHeadOf(frontier)).root, head.root)) return undefined;
    if (names.length === 0) return memory;
    // When they were decided the tree does not say.
    return this.#remember(head, memory, { names, latestMs: this.#parts.clock.nowMs() + APART_MAX_MS });
  }

  #empty({ log, frontier }: Pick<Memory, 'log' | 'frontier'>, sinceMs: number): Memory {
    const beganMs = this.#parts.clock.nowMs();
    return { log, frontier, sinceMs, lately: noLeaves(beganMs), before: noLeaves(beganMs) };
  }

  #remember(
    { log, frontier }: LogHead,
    memory: Memory,
    more: Pick<Leaves, 'latestMs'> & { readonly names: readonly string[] },
  ): Memory {
    const nowMs = this.#parts.clock.nowMs();
    let { sinceMs, lately, before } = memory;
    // A clock that was ahead keeps none for longer.
    if (nowMs < lately.beganMs || nowMs - lately.beganMs >= REMEMBERED_MS) {
      sinceMs = Math.max(sinceMs, before.latestMs);
      [lately, before] = [noLeaves(nowMs), lately];
    }
    for (const name of more.names) lately.names.add(name);
    lately.latestMs = Math.max(lately.latestMs, more.latestMs);
    return { log, frontier, sinceMs, lately, before };
  }
}

function noLeaves(beganMs: number): Leaves {
  return { names: new Set(), beganMs, latestMs: 0 };
}

/** Those that are in a log already, among rows of which the memory says nothing. */
async function againAmong(
  trx: Db,
  written: WrittenLog,
  { sinceMs }: Memory,
  rows: readonly CheckedRow[],
): Promise<ReadonlySet<WaitingRow>> {
  const doubtful = rows.flatMap((row) => {
    const { id, tMs = 0 } = row.terms;
    return id === undefined || tMs >= sinceMs ? [] : [{ row, id, leaf: row.leaf }];
  });
  const again = await new LeafPlaces(trx).inLog(written, doubtful);
  return new Set(again.map(({ row }) => row));
}

/** Hashes of a log that are not there, or are no hashes. */
function ifAbsent(error: unknown): undefined {
  if (error instanceof CryptoError) return undefined;
  throw error;
}

async function drop(trx: Db, org: string, rows: readonly WaitingRow[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await trx.deleteFrom('audit_outbox').where('org', '=', org).where(sql<boolean>`id = any(${ids}::int8[])`).execute();
}
