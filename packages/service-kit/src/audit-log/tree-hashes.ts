import type { ReadTreeHash } from '@bulla/crypto/log';
import { parseTilePath, TREE_HASH_BYTES, treeHashesFrom } from '@bulla/crypto/log';
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
