import type { Bytes } from '../encoding/bytes.js';
import { utf8 } from '../encoding/bytes.js';
import { signCheckpoint } from '../log/checkpoint.js';
import type { TreeHead } from '../log/merkle.js';
import { appendLeaf, EMPTY_FRONTIER, leafHash, treeHeadOf } from '../log/merkle.js';
import type { NoteSigner } from '../log/note.js';
import { encodeEntryBundle, encodeHashTile, TILE_WIDTH, tilePath, tilesOf } from '../log/tiles.js';

/** A log as it lies in a folder: path by path, all tiles, bundles and the checkpoint. */
export interface TiledLog {
  readonly head: TreeHead;
  readonly files: Map<string, Bytes>;
}

/** A whole log of these entries, signed. @param signer its key has the name of the log. */
export async function makeTiledLog(entries: readonly Uint8Array[], signer: NoteSigner): Promise<TiledLog> {
  let frontier = EMPTY_FRONTIER;
  /** By level of tiles: the hashes that stand in them. */
  const hashes: Bytes[][] = [];
  for (const entry of entries) {
    const { frontier: grown, completed } = await appendLeaf(frontier, await leafHash(entry));
    frontier = grown;
    for (const [level, hash] of completed.entries()) if (level % 8 === 0) (hashes[level / 8] ??= []).push(hash);
  }
  const files = new Map<string, Bytes>();
  for (const tile of tilesOf(entries.length)) {
    const start = tile.index * TILE_WIDTH;
    const part = <Item>(of: readonly Item[] = []) => of.slice(start, start + tile.width);
    const bytes =
      tile.level === 'entries' ? encodeEntryBundle(part(entries)) : encodeHashTile(part(hashes[tile.level]));
    files.set(tilePath(tile), bytes);
  }
  const head = await treeHeadOf(frontier);
  files.set('checkpoint', utf8(await signCheckpoint(signer.key.name, head, [signer])));
  return { head, files };
}
