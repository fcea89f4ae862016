import type { Bytes } from '@bulla/crypto';
import type { ReadTreeHash } from '@bulla/crypto/log';
import { parseTilePath, TILE_WIDTH, TREE_HASH_BYTES, treeHashesFrom } from '@bulla/crypto/log';
import type { LogRepository } from './log.repository.js';

/** The hashes of a log as it was at a size, from the tiles in the database. */
export function treeHashes(
  logs: Pick<LogRepository, 'tile'>,
  { org, log, size }: { org: string; log: number; size: number },
): ReadTreeHash {
  return treeHashesFrom(async (path) => {
    const { level, index: idx, width } = parseTilePath(path);
    const hashes = level === 'entries' ? undefined : await logs.tile(org, log, { level, idx });
    // A tile grows: its beginning is what it was.
    return hashes === undefined || hashes.length < width * TREE_HASH_BYTES
      ? undefined
      : hashes.subarray(0, width * TREE_HASH_BYTES);
  }, size);
}

/** Hashes of the leaves of a log from an index to a size, as the database has them; undefined where one is not there. */
export async function leafHashes(
  logs: Pick<LogRepository, 'tile'>,
  { org, log, size }: { readonly org: string; readonly log: number; readonly size: number },
  from: number,
): Promise<Bytes[] | undefined> {
  const all: Bytes[] = [];
  for (let index = from; index < size; ) {
    const tile = await logs.tile(org, log, { level: 0, idx: Math.floor(index / TILE_WIDTH) });
    const first = index % TILE_WIDTH;
    const end = Math.min(TILE_WIDTH, first + size - index);
    if (tile === undefined || tile.length < end * TREE_HASH_BYTES) return undefined;
    for (let at = first; at < end; at++) all.push(tile.slice(at * TREE_HASH_BYTES, (at + 1) * TREE_HASH_BYTES));
    index += end - first;
  }
  return all;
}
