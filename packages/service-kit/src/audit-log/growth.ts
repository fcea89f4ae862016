import type { Bytes } from '@bulla/crypto';
import { concatBytes } from '@bulla/crypto';
import type { Frontier, TreeHead } from '@bulla/crypto/log';
import { appendLeaf, TILE_WIDTH, treeHeadOf } from '@bulla/crypto/log';

/** Levels of the tree in one level of tiles (C2SP tlog-tiles). */
const TILE_HEIGHT = 8;

/** What is put behind the hashes that a tile has. */
export interface TileGrowth {
  readonly level: number;
  readonly idx: number;
  readonly hashes: Bytes;
}

export interface Growth {
  readonly frontier: Frontier;
  readonly head: TreeHead;
  readonly tiles: readonly TileGrowth[];
}

/**
 * What becomes of a tree when leaves are put to its end, in their order.
 * @param leaves their hashes, from `leafHash`.
 * @throws {CryptoError} payload_too_large if the tree is full
 */
export async function growTree(before: Frontier, leaves: readonly Bytes[]): Promise<Growth> {
  const tiles = new Map<string, { level: number; idx: number; hashes: Bytes[] }>();
  let frontier = before;
  for (const hash of leaves) {
    const index = frontier.size;
    const { frontier: after, completed } = await appendLeaf(frontier, hash);
    for (let height = 0; height < completed.length; height += TILE_HEIGHT) {
      const idx = Math.floor(index / 2 ** height / TILE_WIDTH);
      const level = height / TILE_HEIGHT;
      const tile = tiles.get(`${level}/${idx}`) ?? { level, idx, hashes: [] };
      tile.hashes.push(completed[height] as Bytes);
      tiles.set(`${level}/${idx}`, tile);
    }
    frontier = after;
  }
  return {
    frontier,
    head: await treeHeadOf(frontier),
    tiles: [...tiles.values()].map(({ hashes, ...place }) => ({ ...place, hashes: concatBytes(...hashes) })),
  };
}
