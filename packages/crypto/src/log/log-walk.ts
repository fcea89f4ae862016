import type { Bytes } from '../encoding/bytes.js';
import { equalBytes } from '../encoding/bytes.js';
import type { EntryRange } from '../names/errors.js';
import { CryptoError } from '../names/errors.js';
import { TREE_HASH_BYTES } from './merkle.js';
import type { ReadLogFile } from './tile-hashes.js';
import { leafHashes, readTile, subtreeRoot } from './tile-hashes.js';
import { firstEntries, TILE_WIDTH } from './tiles.js';

/** How many tiles are asked for before they are needed. */
const READ_AHEAD = 4;

/** What a log was found not to be: the name of the check in a `log_inconsistent` of `verifyLog`. */
export type LogCheck = 'entry' | 'tile' | 'root' | 'fork' | 'rollback' | 'missing';

/** Gets an entry as the log stored it; its index counts from 0. */
export type OnEntry = (index: number, entry: Bytes) => Promise<void> | void;

/** Told which entries the log has hashes of and nothing else; in order, a full bundle at a time. */
export type OnAbsent = (entries: EntryRange) => void;

/** A tile of hashes and what was read of it; undefined is what the log does not have. */
export interface Piece {
  readonly level: number;
  readonly index: number;
  readonly width: number;
  readonly bytes: Bytes | undefined;
  /** Of a tile of level 0, the entries. */
  readonly bundle: Bytes | undefined;
}

/** Reads a tile, and at level 0 its entries. */
export async function readPiece(read: ReadLogFile, tile: Pick<Piece, 'level' | 'index' | 'width'>): Promise<Piece> {
  const [bytes, bundle] = await Promise.all([
    readTile(read, tile),
    tile.level === 0 ? readTile(read, { ...tile, level: 'entries' }) : undefined,
  ]);
  return { ...tile, bytes, bundle };
}

/** What is done on the way through a log. */
export interface Walk {
  readonly read: ReadLogFile;
  /** How many entries the log has. */
  readonly size: number;
  /** Undefined where it is not certain that the root stands for them. */
  readonly onEntry: OnEntry | undefined;
  /** Undefined where every entry has to be there. */
  readonly onAbsent: OnAbsent | undefined;
}

/**
 * Goes through all entries below a tile, in order, and compares every tile with the hash above it and every entry with
 * its hash. The tile itself is taken at its word.
 * @throws {CryptoError} log_inconsistent (missing, tile, entry) with the first entries that are not right
 */
export async function walkBelow(walk: Walk, piece: Piece): Promise<void> {
  const hashes = wholeHashesOf(piece, walk.size);
  if (piece.level === 0) return walkEntries(walk, piece, hashes);
  let start = 0;
  for await (const child of readAhead(childrenOf(piece), (tile) => readPiece(walk.read, tile))) {
    await walkChild(walk, child, hashes.subarray(start, start + TREE_HASH_BYTES));
    start += TREE_HASH_BYTES;
  }
}

async function walkChild(walk: Walk, child: Piece, expected: Bytes): Promise<void> {
  const root = await subtreeRoot(wholeHashesOf(child, walk.size));
  // guard: log-tile
  if (!equalBytes(root, expected)) {
    // One of its hashes was changed, or the one above: what is below tells which of its entries, if it is one of them.
    if (child.level > 0) await walkBelow({ ...walk, onEntry: undefined }, child);
    throw refused('tile', 'a tile does not have the hash that is above it', entriesOf(child, walk.size));
  }
  await walkBelow(walk, child);
}

async function walkEntries({ size, onEntry, onAbsent }: Walk, piece: Piece, hashes: Bytes): Promise<void> {
  const { bundle, width } = piece;
  const range = entriesOf(piece, size);
  // What a log prunes are full bundles: the last entries are always there (C2SP tlog-tiles, Pruning).
  if (bundle === undefined && width === TILE_WIDTH && onAbsent !== undefined) return onAbsent(range);
  // guard: log-bundle-missing without: if (bundle === undefined) return;
  if (bundle === undefined) throw refused('missing', 'the log does not have the entries', range);
  const { entries, end } = firstEntries(bundle, width);
  const found = await leafHashes(entries);
  for (const [at, entry] of entries.entries()) {
    const index = range.first + at;
    // guard: log-entry
    if (!isEqualHash(found, hashes, at * TREE_HASH_BYTES))
      throw refused('entry', 'an entry does not have its hash', { first: index, last: index });
    await onEntry?.(index, entry);
  }
  const next = range.first + entries.length;
  // guard: log-entry-missing
  if (entries.length < width) throw refused('entry', 'an entry is not there', { first: next, last: next });
  // guard: log-entry-more
  if (end < bundle.length) throw refused('entry', 'there is more than the entries', range);
}

/** The entries that a tile stands for. */
export function entriesOf({ level, index, width }: Omit<Piece, 'bytes' | 'bundle'>, size: number): EntryRange {
  const each = TILE_WIDTH ** level;
  const first = index * TILE_WIDTH * each;
  return { first, last: Math.min(first + width * each, size) - 1 };
}

export function refused(check: LogCheck, message: string, entries?: EntryRange, cause?: unknown): CryptoError {
  return new CryptoError('log_inconsistent', message, { check, ...(entries && { entries }), cause });
}

function wholeHashesOf(piece: Piece, size: number): Bytes {
  const { bytes, width } = piece;
  // guard: log-tile-missing without: if (bytes === undefined) return new Uint8Array(width * TREE_HASH_BYTES);
  if (bytes === undefined) throw refused('missing', 'the log does not have a tile', entriesOf(piece, size));
  // guard: log-tile-length
  if (bytes.length !== width * TREE_HASH_BYTES)
    throw refused('tile', 'a tile does not have the length of its hashes', entriesOf(piece, size));
  return bytes;
}

/** Hashes stand only for tiles that are full. */
function childrenOf({ level, index, width }: Piece): Omit<Piece, 'bytes' | 'bundle'>[] {
  return Array.from({ length: width }, (_, at) => ({
    level: level - 1,
    index: index * TILE_WIDTH + at,
    width: TILE_WIDTH,
  }));
}

async function* readAhead<Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const begun: Promise<Result>[] = [];
  for (const item of items) {
    const result = read(item);
    // Its turn comes later, or never if one before it is not right.
    result.catch(() => undefined);
    begun.push(result);
    const first = begun.length > READ_AHEAD ? begun.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const result of begun) yield await result;
}

function isEqualHash(left: Bytes, right: Bytes, start: number): boolean {
  for (let at = start; at < start + TREE_HASH_BYTES; at++) if (left[at] !== right[at]) return false;
  return true;
}
