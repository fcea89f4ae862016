import type { Bytes } from '@bulla/crypto';
import type { Frontier, ReadTreeHash } from '@bulla/crypto/log';
import { appendLeaf, parseTilePath, TILE_WIDTH, TREE_HASH_BYTES, treeHashesFrom } from '@bulla/crypto/log';
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

/**
 * Reads leaves of a log up to a size, as the database has them.
 * @param from where to begin.
 * @param onLeaf is told the hash of each; what they are worth shows only when the frontier leads to a root that is known.
 * @returns the frontier of that size; undefined where a leaf is not there
 */
export async function followLeaves(
  logs: Pick<LogRepository, 'tile'>,
  { org, log, size }: { readonly org: string; readonly log: number; readonly size: number },
  from: Frontier,
  onLeaf: (hash: Bytes) => void,
): Promise<Frontier | undefined> {
  let frontier = from;
  while (frontier.size < size) {
    const tile = await logs.tile(org, log, { level: 0, idx: Math.floor(frontier.size / TILE_WIDTH) });
    const first = frontier.size % TILE_WIDTH;
    const end = Math.min(TILE_WIDTH, first + size - frontier.size);
    if (tile === undefined || tile.length < end * TREE_HASH_BYTES) return undefined;
    for (let at = first; at < end; at++) {
      const hash: Bytes = tile.slice(at * TREE_HASH_BYTES, (at + 1) * TREE_HASH_BYTES);
      ({ frontier } = await appendLeaf(frontier, hash));
      onLeaf(hash);
    }
  }
  return frontier;
}
