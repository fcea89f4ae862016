import { decodeUtf8, equalBytes } from '@bulla/crypto';
import type { Frontier } from '@bulla/crypto/log';
import { appendLeaf, leafHash, treeHeadOf } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { RowSecrets } from '../audit/row-secrets.js';
import type { Clock } from '../process/clock.js';
import type { EntryTerms } from '../audit-log/entry-terms.js';
import { termsOf } from '../audit-log/entry-terms.js';
import type { LogHead } from '../audit-log/log-head.js';
import type { WaitingRow } from '../audit-log/log.repository.js';
import { LogRepository } from '../audit-log/log.repository.js';
import { leafHashes } from '../audit-log/tree-hashes.js';
import type { WrittenLog } from './leaf-places.js';
import { LeafPlaces } from './leaf-places.js';
import { moveAside } from './set-aside.js';

type Db = Kysely<LedgerTables>;

/** As far ahead of its own clock a sequencer takes a row: who wrote it may be off by as much. */
const AHEAD_MAX_MS = 60_000;
const YEAR_MIN = 2000;
const YEAR_MAX = 2199;
/** For how long what came into a log is remembered here; rows that are older are looked for in the database. */
const REMEMBERED_MS = 120_000;

/** What another process wrote since is read up to so many entries; of more, rows are looked for in the database. */
const CAUGHT_UP_MAX = 50_000;

/** A row that comes into the log, and what it is found by there. */
export interface CheckedRow extends WaitingRow {
  readonly terms: EntryTerms;
  /** Of its leaf in the tree, in hexadecimal. */
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
  /** All that came into the log with a later time is among the leaves. */
  readonly sinceMs: number;
  /** By their hashes in hexadecimal, with their times or later ones. */
  readonly leaves: Map<string, number>;
}

export interface RowCheckParts {
  readonly logs: Pick<LogRepository, 'take'>;
  readonly keys: { readonly rows: RowSecrets };
  readonly clock: Pick<Clock, 'nowMs'>;
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
    const memory = await this.#memoryOf(trx, head);
    let forged = 0;
    let after = 0;
    for (;;) {
      const page = await logs.take(trx, head.org, { limit, known: keys.rows.ids, after });
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
    const named = rows.map(({ name, terms }) => [name, terms.tMs ?? Number.POSITIVE_INFINITY] as const);
    this.#remember(after, memory, named);
  }

  async #sort(head: LogHead, memory: Memory, page: readonly WaitingRow[]) {
    const { keys, clock } = this.#parts;
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
      // guard: row-forged
      if (keys.rows.check(head.org, leaf, { id, mac }) !== 'good') {
        forged.push(row);
        continue;
      }
      const name = hex(await leafHash(leaf));
      // guard: row-again
      if (seen.has(name) || memory.leaves.has(name)) {
        again.push(row);
        continue;
      }
      const terms = termsOf(decodeUtf8(leaf));
      // guard: row-ahead
      if (terms.tMs !== undefined && terms.tMs > latestMs) continue;
      seen.add(name);
      rows.push({ ...row, terms, name });
    }
    return { rows, forged, again };
  }

  /** What came into a log before its head, as far as it is remembered; nothing where that does not lead to the head. */
  async #memoryOf(trx: Db, head: LogHead): Promise<Memory> {
    const memory = this.#memories.get(head.org);
    if (memory?.log === head.log && isHeadOf(memory.frontier, head)) {
      if (await leadsTo(memory.frontier, head)) return memory;
      const read = await this.#catchUp(trx, memory, head);
      if (read !== undefined) return read;
    }
    const sinceMs = this.#parts.clock.nowMs() + AHEAD_MAX_MS;
    const begun = { log: head.log, frontier: head.frontier, sinceMs, leaves: new Map<string, number>() };
    this.#memories.set(head.org, begun);
    return begun;
  }

  /** Reads what another process wrote since. */
  async #catchUp(trx: Db, memory: Memory, head: LogHead): Promise<Memory | undefined> {
    const hashes = await leafHashes(new LogRepository(trx), head, memory.frontier.size);
    let { frontier } = memory;
    for (const hash of hashes ?? []) ({ frontier } = await appendLeaf(frontier, hash));
    // guard: row-caught-up without: if (hashes === undefined) return undefined;
    if (hashes === undefined || !(await leadsTo(frontier, head))) return undefined;
    // When they were decided the tree does not say: no later than now, as far as clocks are together.
    const latestMs = this.#parts.clock.nowMs() + AHEAD_MAX_MS;
    return this.#remember(
      head,
      memory,
      hashes.map((hash) => [hex(hash), latestMs]),
    );
  }

  #remember(head: LogHead, memory: Memory, more: Iterable<readonly [name: string, tMs: number]>): Memory {
    const sinceMs = Math.max(memory.sinceMs, this.#parts.clock.nowMs() - REMEMBERED_MS);
    const leaves = new Map([...memory.leaves, ...more].filter(([, tMs]) => tMs >= sinceMs));
    const after = { log: head.log, frontier: head.frontier, sinceMs, leaves };
    this.#memories.set(head.org, after);
    return after;
  }
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

function isHeadOf({ size }: Frontier, head: LogHead): boolean {
  return size <= head.size && head.size - size <= CAUGHT_UP_MAX;
}

async function leadsTo(frontier: Frontier, head: LogHead): Promise<boolean> {
  return frontier.size === head.size && equalBytes((await treeHeadOf(frontier)).root, head.root);
}

/** Whether a month can be made for it: the column has no MAC, and PostgreSQL takes infinite times and those before Christ. */
function isMoment(at: unknown): boolean {
  const year = at instanceof Date ? at.getUTCFullYear() : Number.NaN;
  return year >= YEAR_MIN && year <= YEAR_MAX;
}

async function drop(trx: Db, org: string, rows: readonly WaitingRow[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await trx.deleteFrom('audit_outbox').where('org', '=', org).where(sql<boolean>`id = any(${ids}::int8[])`).execute();
}

/** It is done for each row, and `encodeHex` takes as long as the MAC. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
