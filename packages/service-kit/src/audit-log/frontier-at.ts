import type { Bytes } from '@bulla/crypto';
import type { Frontier, ReadTreeHash } from '@bulla/crypto/log';

/** Levels of the largest tree. */
const LEVEL_MAX = 52;

/** The frontier of a tree as it was at a size, from its hashes. */
export async function frontierAt(size: number, read: ReadTreeHash): Promise<Frontier> {
  const peaks: Bytes[] = [];
  let start = 0;
  for (let level = LEVEL_MAX; level >= 0; level--) {
    const width = 2 ** level;
    if (size - start < width) continue;
    peaks.push(await read(level, start / width));
    start += width;
  }
  return { size, peaks };
}
