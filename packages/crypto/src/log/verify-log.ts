import type { Bytes } from '../encoding/bytes.js';
import { equalBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { CheckpointTrust, VerifiedCheckpoint } from './checkpoint.js';
import { verifyCheckpoint } from './checkpoint.js';
import type { OnAbsent, OnEntry, Piece } from './log-walk.js';
import { entriesOf, readPiece, refused, walkBelow } from './log-walk.js';
import type { TreeHead } from './merkle.js';
import { TREE_HASH_BYTES, treeHeadOf } from './merkle.js';
import { makeConsistencyProof, verifyConsistency } from './merkle-proof.js';
import type { ReadLogFile } from './tile-hashes.js';
import { leafHashes, subtreeRoot, treeHashesFrom } from './tile-hashes.js';
import { firstEntries, TILE_WIDTH, tileIn } from './tiles.js';

export interface LogToVerify {
  /** Of a folder or a service in the layout of C2SP tlog-tiles. What it throws itself is thrown on. */
  readonly read: ReadLogFile;
  readonly trust: CheckpointTrust;
  /** Heads of this log that were verified before and kept: the log has to begin with each of them. */
  readonly kept?: readonly TreeHead[];
  /** Gets each entry once it is verified, in order, and the next one when it is done. The bytes are part of a bundle. */
  readonly onEntry?: OnEntry | undefined;
  /**
   * Given, full bundles of entries may be missing where their hashes are there, and it is told which: whoever gives it has
   * to find out whether the log was allowed to prune them. Otherwise they are refused.
   */
  readonly onAbsent?: OnAbsent | undefined;
}

/**
 * Verifies every entry of a log up to its checkpoint, and that it is the log that was seen before. No entry reaches
 * `onEntry` that the root of the checkpoint does not stand for. Memory does not grow with the log.
 * @throws {CryptoError} as verifyCheckpoint; log_inconsistent with a `LogCheck`, and with the first entries that are not
 * right where the log itself tells
 * @see docs/spec/audit-log.md, Verifying
 */
export async function verifyLog({
  read,
  trust,
  kept = [],
  onEntry,
  onAbsent,
}: LogToVerify): Promise<VerifiedCheckpoint> {
  const note = await read('checkpoint');
  // guard: log-checkpoint-missing without: if (note === undefined) return verifyCheckpoint(new Uint8Array(), trust);
  if (note === undefined) throw refused('missing', 'the log has no checkpoint');
  const verified = await verifyCheckpoint(note, trust);
  const head = verified.checkpoint;
  for (const older of kept) refuseOtherHead(older, head);
  const { edge, doubt } = await readEdge(read, head);
  const contradiction = doubt ?? (await findFork(read, head, kept));
  const walk = { read, size: head.size, onEntry: contradiction === undefined ? onEntry : undefined, onAbsent };
  // A changed tile looks like another tree or a fork as well: the walk finds it first, if that is what it is.
  for (const piece of edge) await walkBelow(walk, piece);
  if (contradiction !== undefined) throw contradiction;
  return verified;
}

/** A smaller head than one that was kept, or another one of the same size. */
function refuseOtherHead(older: TreeHead, head: TreeHead): void {
  // guard: log-rollback
  if (older.size > head.size)
    throw refused('rollback', `the log has ${head.size} entries now and had ${older.size} before`);
  // guard: log-fork
  if (older.size === head.size && !equalBytes(older.root, head.root))
    throw refused('fork', `the log has two trees of ${head.size} entries`);
}

async function findFork(
  read: ReadLogFile,
  head: TreeHead,
  kept: readonly TreeHead[],
): Promise<CryptoError | undefined> {
  for (const older of kept) {
    try {
      const proof = await makeConsistencyProof(older.size, head.size, treeHashesFrom(read, head.size));
      // guard: log-prefix
      await verifyConsistency({ older, newer: head, proof });
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      return refused('fork', `the log does not begin with the ${older.size} entries that it had`, undefined, error);
    }
  }
  return undefined;
}

interface Edge {
  /** The tiles that no other is above, from left to right. Everything else hangs below them. */
  readonly edge: readonly Piece[];
  /** Why the checkpoint does not vouch for them. */
  readonly doubt: CryptoError | undefined;
}

/** Reads the edge once: a service that shows it twice could show two. */
async function readEdge(read: ReadLogFile, head: TreeHead): Promise<Edge> {
  const edge: Piece[] = [];
  for (let level = 0, count = head.size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    const last = tileIn(head.size, level, Math.floor(count / TILE_WIDTH));
    if (last !== undefined) edge.unshift(await readPiece(read, { ...last, level }));
  }
  if (await leadsTo(head, edge)) return { edge, doubt: undefined };
  const last = edge.at(-1);
  const hashed = last && (await hashedAnew(last));
  if (hashed !== undefined) {
    const mended = [...edge.slice(0, -1), hashed];
    // The entries are those of the tree, so it is the tile that was changed.
    if (await leadsTo(head, mended))
      return { edge: mended, doubt: refused('tile', 'the last tile was changed', entriesOf(hashed, head.size)) };
  }
  return { edge, doubt: refused('root', 'the tiles do not lead to the root of the checkpoint') };
}

async function leadsTo({ size, root }: TreeHead, edge: readonly Piece[]): Promise<boolean> {
  const peaks: Bytes[] = [];
  for (const { width, bytes } of edge) {
    if (bytes?.length !== width * TREE_HASH_BYTES) return false;
    let start = 0;
    for (let leaves = TILE_WIDTH / 2; leaves >= 1; leaves /= 2) {
      if ((width & leaves) === 0) continue;
      peaks.push(await subtreeRoot(bytes.slice(start, start + leaves * TREE_HASH_BYTES)));
      start += leaves * TREE_HASH_BYTES;
    }
  }
  // guard: log-root without: return true;
  return equalBytes((await treeHeadOf({ size, peaks })).root, root);
}

/** The last leaves as their entries have them. */
async function hashedAnew(piece: Piece): Promise<Piece | undefined> {
  const { level, width, bytes, bundle } = piece;
  if (level !== 0 || bytes?.length !== width * TREE_HASH_BYTES || bundle === undefined) return undefined;
  return { ...piece, bytes: await leafHashes(firstEntries(bundle, width).entries) };
}
