import { platform } from '#platform';
import type { Bytes } from '../encoding/bytes.js';
import { concatBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import { TREE_HASH_BYTES } from './merkle.js';
import type { ReadTreeHash } from './merkle-proof.js';
import type { Tile } from './tiles.js';
import { firstEntries, parseHashTile, TILE_WIDTH, tileIn, tilePath } from './tiles.js';

/** What a log stored or serves at a path, such as `checkpoint` or `tile/0/000`; undefined where there is nothing. */
export type ReadLogFile = (path: string) => Promise<Uint8Array | undefined>;

/** Levels of a tree from one level of tiles to the next. */
const TILE_HEIGHT = 8;

/** Hashes of leaves, SHA-256(0x00 ‖ entry), one after another. @param entries as bundles hold them: at most 65,535 bytes. */
export async function leafHashes(entries: readonly Uint8Array[]): Promise<Bytes> {
  return platform.sha256Each(
    entries.map((entry) => {
      const leaf = new Uint8Array(1 + entry.length);
      leaf.set(entry, 1);
      return leaf;
    }),
  );
}

/** Root of a perfect subtree. @param hashes of its leaves or subtrees, one after another; 2^n of them. */
export async function subtreeRoot(hashes: Bytes): Promise<Bytes> {
  let level = hashes;
  while (level.length > TREE_HASH_BYTES) level = await platform.sha256Each(nodesOver(level));
  return level;
}

/**
 * The bytes of a tile or bundle of a tree; undefined where the log has them no more. A log may delete a tile that is not
 * full once it has the full one: then that is read.
 */
export async function readTile(read: ReadLogFile, tile: Tile): Promise<Bytes | undefined> {
  const bytes = (await read(tilePath(tile))) ?? (await readFull(read, tile));
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}

/**
 * The hashes of a tree from its tiles, for proofs of any size up to this one. It keeps the tiles that it read: one for
 * each proof. Nobody vouches for a tile: what is proved with it is what verifies.
 * @returns a reader that throws CryptoError log_inconsistent (missing) where the log does not have a tile, and
 * token_malformed where one does not have its length
 */
export function treeHashesFrom(read: ReadLogFile, size: number): ReadTreeHash {
  const tiles = new Map<string, Promise<Bytes>>();
  return async (level, index) => {
    const first = index * 2 ** (level % TILE_HEIGHT);
    const tile = tileIn(size, Math.floor(level / TILE_HEIGHT), Math.floor(first / TILE_WIDTH));
    // guard: tile-of-tree
    if (tile === undefined) throw missing('the tree has no such tile');
    const path = tilePath(tile);
    const kept = tiles.get(path) ?? readHashes(read, tile);
    tiles.set(path, kept);
    const start = (first % TILE_WIDTH) * TREE_HASH_BYTES;
    return subtreeRoot((await kept).slice(start, start + 2 ** (level % TILE_HEIGHT) * TREE_HASH_BYTES));
  };
}

async function readHashes(read: ReadLogFile, tile: Tile): Promise<Bytes> {
  const bytes = await readTile(read, tile);
  // guard: tile-missing
  if (bytes === undefined) throw missing(`the log does not have ${tilePath(tile)}`);
  return concatBytes(...parseHashTile(bytes, tile.width));
}

/** As many hashes or entries of the full one. */
async function readFull(read: ReadLogFile, tile: Tile): Promise<Uint8Array | undefined> {
  const bytes = tile.width < TILE_WIDTH ? await read(tilePath({ ...tile, width: TILE_WIDTH })) : undefined;
  if (bytes === undefined) return undefined;
  const end = tile.level === 'entries' ? firstEntries(bytes, tile.width).end : tile.width * TREE_HASH_BYTES;
  return bytes.subarray(0, end);
}

function nodesOver(hashes: Bytes): Bytes[] {
  const length = 1 + 2 * TREE_HASH_BYTES;
  return Array.from({ length: hashes.length / (2 * TREE_HASH_BYTES) }, (_, at) => {
    const node = new Uint8Array(length);
    node[0] = 0x01;
    node.set(hashes.subarray(2 * at * TREE_HASH_BYTES, 2 * (at + 1) * TREE_HASH_BYTES), 1);
    return node;
  });
}

function missing(message: string): CryptoError {
  return new CryptoError('log_inconsistent', message, { check: 'missing' });
}
