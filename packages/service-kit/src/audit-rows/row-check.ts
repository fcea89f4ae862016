import type { Bytes } from '@bulla/crypto';
import { CryptoError, decodeUtf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { leafHash, makeInclusionProof, verifyInclusion } from '@bulla/crypto/log';
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
import type { LogMark } from '../audit-log/marks.js';
import { treeHashes } from '../audit-log/tree-hashes.js';
import { moveAside } from './set-aside.js';

type Db = Kysely<LedgerTables>;

/** As far ahead of its own clock a sequencer takes a row: who wrote it may be off by as much. */
const AHEAD_MAX_MS = 60_000;
const YEAR_MIN = 2000;
const YEAR_MAX = 2199;
/** For how long what came into a log is remembered here; rows that are older are looked for in the database. */
const REMEMBERED_MS = 120_000;

/** A row that comes into the log, and what it is found by there. */
export interface CheckedRow extends WaitingRow {
  readonly terms: EntryTerms;
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
  readonly size: number;
  /** All that came into the log with a later time is among the leaves. */
  readonly sinceMs: number;
  /** By MAC, with their times: no two leaves share one. */
  readonly leaves: Map<string, number>;
}

/** The log that is written, and what was signed of this one and of those before it. */
export interface WrittenLog {
  readonly head: LogHead;
  readonly marks: readonly (LogMark & { readonly number: number })[];
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
    let forged = 0;
    let after = 0;
    for (;;) {
      const page = await logs.take(trx, head.org, { limit, known: keys.rows.ids, after });
      const isCut = page.length === limit;
      const sorted = this.#sort(head, page);
      await moveAside(
        trx,
        head.org,
        sorted.forged.map(({ id }) => id),
        'forged',
      );
      const again = await this.#again(trx, { head, marks }, sorted.rows);
      await drop(trx, head.org, [...sorted.again, ...again]);
      forged += sorted.forged.length;
      const rows = sorted.rows.filter((row) => !again.includes(row));
      if (rows.length > 0 || !isCut) return { rows, forged, isCut };
      after = page.at(-1)?.id ?? after;
    }
  }

  /** Remembers what came into the log, once that is committed. */
  note(before: LogHead, after: LogHead, rows: readonly CheckedRow[]): void {
    const memory = this.#memoryOf(before);
    const nowMs = this.#parts.clock.nowMs();
    const sinceMs = Math.max(memory.sinceMs, nowMs - REMEMBERED_MS);
    const leaves = new Map([...memory.leaves].filter(([, tMs]) => tMs >= sinceMs));
    for (const { mac, terms } of rows) if (mac !== null && terms.tMs !== undefined) leaves.set(hex(mac), terms.tMs);
    this.#memories.set(before.org, { log: after.log, size: after.size, sinceMs, leaves });
  }

  #sort(head: LogHead, page: readonly WaitingRow[]) {
    const { keys, clock } = this.#parts;
    const latestMs = clock.nowMs() + AHEAD_MAX_MS;
    const { leaves } = this.#memoryOf(head);
    const seen = new Set<string>();
    const rows: CheckedRow[] = [];
    const forged: WaitingRow[] = [];
    const again: WaitingRow[] = [];
    for (const row of page) {
      const { leaf, secretId: id, mac } = row;
      const name = hex(mac ?? new Uint8Array());
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
      // guard: row-again
      if (seen.has(name) || leaves.has(name)) {
        again.push(row);
        continue;
      }
      const terms = termsOf(decodeUtf8(leaf));
      // guard: row-ahead
      if (terms.tMs !== undefined && terms.tMs > latestMs) continue;
      seen.add(name);
      rows.push({ ...row, terms });
    }
    return { rows, forged, again };
  }

  /** Those that are in a log already, among rows of which this process may have forgotten that. */
  async #again(trx: Db, { head, marks }: WrittenLog, rows: readonly CheckedRow[]): Promise<CheckedRow[]> {
    const { sinceMs } = this.#memoryOf(head);
    const doubtful = rows.filter(({ terms }) => terms.id !== undefined && (terms.tMs ?? 0) < sinceMs);
    if (doubtful.length === 0) return [];
    const places = await placesOf(
      trx,
      head.org,
      doubtful.flatMap(({ terms }) => terms.id ?? []),
    );
    const again: CheckedRow[] = [];
    for (const row of doubtful) {
      const found = places.filter(({ leaf }) => leaf === hex(row.leaf));
      // guard: row-again-later without: if (found.length < 0) again.push(row);
      if (await isInOne(trx, { head, marks }, row.leaf, found)) again.push(row);
    }
    return again;
  }

  /** Empty where another process has written to the log since, or this one never did. */
  #memoryOf({ org, log, size }: LogHead): Memory {
    const memory = this.#memories.get(org);
    if (memory !== undefined && memory.log === log && memory.size === size) return memory;
    const begun = { log, size, sinceMs: this.#parts.clock.nowMs() + AHEAD_MAX_MS, leaves: new Map<string, number>() };
    this.#memories.set(org, begun);
    return begun;
  }
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

interface Place {
  readonly log: number;
  readonly idx: number;
  /** Hexadecimal. */
  readonly leaf: string;
}

/** Where the database says that entries with these ids are. */
async function placesOf(trx: Db, org: string, ids: readonly string[]): Promise<Place[]> {
  const rows = await trx
    .selectFrom('audit_entry')
    .select(['log', 'idx', 'leaf'])
    .where('org', '=', org)
    .where(sql<boolean>`objects && ${ids}::text[]`)
    .execute();
  return rows.map(({ log, idx, leaf }) => ({ log, idx, leaf: hex(leaf) }));
}

/**
 * Whether a leaf is in a log, by a tree that is signed or will be: anybody who has the database can put an entry there. Of a
 * lost log that is what its mark speaks of; what it has beyond that comes into the next one.
 */
async function isInOne(trx: Db, { head, marks }: WrittenLog, leaf: Bytes, places: readonly Place[]): Promise<boolean> {
  const hash = await leafHash(leaf);
  for (const { log, idx } of places) {
    const tree: TreeHead | undefined = log === head.log ? head : marks.findLast(({ number }) => number === log);
    if (tree === undefined || idx >= tree.size) continue;
    const hashes = treeHashes(new LogRepository(trx), { org: head.org, log, size: tree.size });
    try {
      const proof = await makeInclusionProof(idx, tree.size, hashes);
      // guard: row-again-proven
      await verifyInclusion({ leaf: hash, index: idx, head: tree, proof });
      return true;
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return false;
}

/** It is done for each row, and `encodeHex` takes as long as the MAC. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
