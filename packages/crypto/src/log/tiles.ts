import type { Bytes } from '../encoding/bytes.js';
import { concatBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { isTreeSize, LOG_ENTRY_MAX_BYTES, TREE_HASH_BYTES } from './merkle.js';

/** Most hashes of a tile, and most entries of a bundle. */
export const TILE_WIDTH = 256;
const LEVEL_MAX = 63;
const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5})([0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** A piece of a log as it is stored and served (C2SP tlog-tiles). */
export interface Tile {
  /** 0 to 63, counted in steps of eight levels of the tree: hashes of leaves are at 0; `entries` is a bundle of entries. */
  readonly level: number | 'entries';
  /** Which one of its level; counts from 0. */
  readonly index: number;
  /** How many hashes or entries it has: 1 to 256. */
  readonly width: number;
}

/** `tile/<level>/<index>`, and `.p/<width>` where it is not full. @throws {CryptoError} token_malformed */
export function tilePath({ level, index, width }: Tile): string {
  if (level !== 'entries' && !isWithin(level, 0, LEVEL_MAX)) throw malformed('a tile has a level of 0 to 63');
  if (!isTreeSize(index)) throw malformed('the index of a tile is not a number that can be counted to');
  checkWidth(width);
  const groups =
    String(index)
      .padStart(Math.ceil(String(index).length / 3) * 3, '0')
      .match(/.../g) ?? [];
  const place = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${place}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

/** Reads a path; of all spellings of a tile one is a path. @throws {CryptoError} token_malformed */
export function parseTilePath(path: string): Tile {
  const [, level = '', above = '', last = '', width] = PATH.exec(path) ?? [];
  const index = last === '' ? Number.NaN : Number(above.replaceAll(/[x/]/g, '') + last);
  const tile = {
    level: level === 'entries' ? level : Number(level),
    index,
    width: width === undefined ? TILE_WIDTH : Number(width),
  } as const;
  // guard: tile-path
  if (tilePath(tile) !== path) throw malformed('not the path of a tile');
  return tile;
}

/**
 * The tile with this index in a tree of a size, as wide as it is there; undefined where the tree has none. A bundle of
 * entries is as wide as the tile of their hashes.
 */
export function tileIn(size: number, level: Tile['level'], index: number): Tile | undefined {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level));
  const width = Math.min(hashes - index * TILE_WIDTH, TILE_WIDTH);
  return width > 0 ? { level, index, width } : undefined;
}

/** All tiles and bundles of a tree of a size: level by level from the hashes of leaves up, then the entries. */
export function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0; tileIn(size, level, 0) !== undefined; level++) yield* levelOf(size, level);
  yield* levelOf(size, 'entries');
}

/** Hashes one after another. @throws {CryptoError} token_malformed */
export function encodeHashTile(hashes: readonly Uint8Array[]): Bytes {
  checkWidth(hashes.length);
  if (hashes.some(({ length }) => length !== TREE_HASH_BYTES)) throw malformed('a hash is not 32 bytes long');
  return concatBytes(...hashes);
}

/** The hashes of a tile. @param width of the tile that was asked for. @throws {CryptoError} token_malformed */
export function parseHashTile(bytes: Uint8Array, width: number): Bytes[] {
  checkWidth(width);
  // guard: tile-length
  if (bytes.length !== width * TREE_HASH_BYTES) throw malformed('a tile does not have the length of its hashes');
  return Array.from({ length: width }, (_, at) =>
    Uint8Array.from(bytes.subarray(at * TREE_HASH_BYTES, (at + 1) * TREE_HASH_BYTES)),
  );
}

/** Entries one after another, each behind its length as uint16. @throws {CryptoError} token_malformed, payload_too_large */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Bytes {
  checkWidth(entries.length);
  return concatBytes(...entries.flatMap((entry) => [lengthOf(entry), entry]));
}

/**
 * The entries of a bundle; they share its memory.
 * @param width of the bundle that was asked for.
 * @throws {CryptoError} token_malformed
 */
export function parseEntryBundle<Memory extends ArrayBufferLike>(
  bytes: Uint8Array<Memory>,
  width: number,
): Uint8Array<Memory>[] {
  checkWidth(width);
  const { entries, end } = firstEntries(bytes, width);
  // guard: bundle-width
  if (entries.length < width) throw malformed('a bundle ends before its last entry');
  // guard: bundle-end
  if (end !== bytes.length) throw malformed('a bundle goes on after its last entry');
  return entries;
}

/**
 * The entries that stand whole at the beginning of a bundle, at most so many, and where the last of them ends. For what
 * names the entry that is not right; everybody else has `parseEntryBundle`.
 */
export function firstEntries<Memory extends ArrayBufferLike>(
  bytes: Uint8Array<Memory>,
  most: number,
): { readonly entries: Uint8Array<Memory>[]; readonly end: number } {
  const entries: Uint8Array<Memory>[] = [];
  let end = 0;
  while (entries.length < most && end + 2 <= bytes.length) {
    const next = end + 2 + (((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0));
    if (next > bytes.length) break;
    entries.push(bytes.subarray(end + 2, next));
    end = next;
  }
  return { entries, end };
}

function* levelOf(size: number, level: Tile['level']): Generator<Tile> {
  for (let index = 0; ; index++) {
    const tile = tileIn(size, level, index);
    if (tile === undefined) return;
    yield tile;
  }
}

function lengthOf({ length }: Uint8Array): Bytes {
  // guard: bundle-entry-length
  if (length > LOG_ENTRY_MAX_BYTES)
    throw new CryptoError('payload_too_large', `a log entry has at most ${LOG_ENTRY_MAX_BYTES} bytes`);
  return Uint8Array.of(length >> 8, length & 0xff);
}

function checkWidth(width: number): void {
  // guard: tile-width
  if (!isWithin(width, 1, TILE_WIDTH)) throw malformed('a tile has 1 to 256 hashes');
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
