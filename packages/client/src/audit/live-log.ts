import type { AuditRecord } from '@bulla/contract';
import { decodeBase64url, utf8 } from '@bulla/crypto';
import type { Bytes } from '@bulla/crypto';
import { encodeEntryBundle, parseTilePath, TILE_WIDTH } from '@bulla/crypto/log';
import { checked } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import type { Service } from '../connection/transport.js';
import { findInLog } from './audit-call.js';
import type { EntryEvidence, LogSource } from './log-source.js';
import { witnessedFiles } from '../witnesses/witnessed-log.js';

/** Bundles whose evidence is kept until it is asked for: the walk through a log reads a few ahead. */
const AHEAD_MAX = 16;

/** An end of a run has that of its beginning. */
const NAMES_EVIDENCE = /^(?!.*"act":"invocation\.finish").*"ev":"/;

export interface LiveLogParts {
  readonly session: Session;
  readonly service: Service;
  /** Which of its logs. */
  readonly log: number;
  /** The oldest entry that the service still keeps. */
  readonly first: number;
  /** The signed note up to which it is read. */
  readonly checkpoint: string;
  /** What the service says that witnesses cosigned, from the same answer. */
  readonly witnessed?: readonly string[] | undefined;
}

/** A log as its service hands it out, in the layout of C2SP tlog-tiles, up to a checkpoint that was read before. */
export class LiveLog implements LogSource {
  readonly #parts: LiveLogParts;
  readonly #evidence = new Map<number, ReadonlyMap<number, EntryEvidence>>();

  #absent = 0;

  constructor(parts: LiveLogParts) {
    this.#parts = parts;
  }

  /** How many entries that were read name evidence, and came without. */
  get absent(): number {
    return this.#absent;
  }

  readonly read = async (path: string): Promise<Bytes | undefined> => {
    const { checkpoint, witnessed } = this.#parts;
    if (path === 'checkpoint') return utf8(checkpoint);
    if (path.startsWith('witnessed/')) return new Map(witnessedFiles(witnessed)).get(path);
    const { level, index, width } = await checked(() => parseTilePath(path));
    if (level !== 'entries') return this.#tile(level, index, width);
    // What it says itself that it has no more is not asked for.
    if ((index + 1) * TILE_WIDTH <= this.#parts.first) return undefined;
    const records = await this.#bundle(index, width);
    this.#keep(index, records);
    return records.length === 0 ? undefined : checked(() => encodeEntryBundle(records.map(({ leaf }) => utf8(leaf))));
  };

  readonly evidence = (tile: number): Promise<ReadonlyMap<number, EntryEvidence>> =>
    Promise.resolve(this.#evidence.get(tile) ?? new Map());

  async #tile(level: number, index: number, width: number): Promise<Bytes | undefined> {
    const { session, service, log } = this.#parts;
    const found = await findInLog(session, service, 'audit.tile', { params: { level, index }, query: { log, width } });
    return found && decodeBase64url(found.hashes);
  }

  /** The entries of a tile; where one is gone, those before it, so that the reader can name it. */
  async #bundle(index: number, width: number): Promise<readonly AuditRecord[]> {
    const { session, service, log } = this.#parts;
    const found = await findInLog(session, service, 'audit.bundle', { params: { index }, query: { log, width } });
    if (found !== undefined) return found.data;
    const records: AuditRecord[] = [];
    while (records.length < width) {
      const place = { index: index * TILE_WIDTH + records.length };
      const record = await findInLog(session, service, 'audit.get', { params: place, query: { log } });
      if (record === undefined) break;
      records.push(record);
    }
    return records;
  }

  #keep(tile: number, records: readonly AuditRecord[]): void {
    this.#evidence.delete(tile);
    this.#absent += records.filter(({ leaf, evidence }) => evidence === null && NAMES_EVIDENCE.test(leaf)).length;
    const first = tile * TILE_WIDTH;
    this.#evidence.set(
      tile,
      new Map(records.flatMap(({ evidence }, at) => (evidence === null ? [] : [[first + at, evidence] as const]))),
    );
    // The last tile is read first, and the walk goes up: what is behind it is asked for no more.
    if (this.#evidence.size > AHEAD_MAX) this.#evidence.delete(Math.min(...this.#evidence.keys()));
  }
}
