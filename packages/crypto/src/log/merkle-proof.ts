import type { Bytes } from '../encoding/bytes.js';
import { equalBytes } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';
import type { TreeHead } from './merkle.js';
import { emptyRoot, isTreeSize, nodeHash, TREE_HASH_BYTES } from './merkle.js';

/**
 * The root of the perfect subtree of 2^level leaves that begins at leaf index × 2^level. A log reads it from its tiles;
 * it is only asked for subtrees that are complete in the tree the proof is about.
 */
export type ReadTreeHash = (level: number, index: number) => Promise<Bytes>;

/**
 * Siblings from a leaf up to the root (RFC 6962 §2.1.1, RFC 9162 §2.1.3.1).
 * @throws {CryptoError} log_inconsistent if the tree of this size has no such leaf
 */
export async function makeInclusionProof(index: number, size: number, read: ReadTreeHash): Promise<Bytes[]> {
  if (!isTreeSize(size) || !isTreeSize(index) || index >= size) throw refused('inclusion', 'no such leaf in the tree');
  const proof: Bytes[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      proof.push(await rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(await rangeHash(start, middle, read));
      start = middle;
    }
  }
  return proof.toReversed();
}

/**
 * The fewest hashes that show that a tree begins with an older one (RFC 6962 §2.1.2, RFC 9162 §2.1.4.1); none where the
 * older one is empty or the same.
 * @throws {CryptoError} log_inconsistent if the older size is the larger one
 */
export async function makeConsistencyProof(older: number, newer: number, read: ReadTreeHash): Promise<Bytes[]> {
  if (!isTreeSize(older) || !isTreeSize(newer) || older > newer)
    throw refused('consistency', 'a tree does not begin with a larger one');
  if (older === 0) return [];
  const proof: Bytes[] = [];
  let start = 0;
  let end = newer;
  while (end !== older) {
    const middle = start + splitOf(end - start);
    if (older <= middle) {
      proof.push(await rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(await rangeHash(start, middle, read));
      start = middle;
    }
  }
  // What is left is the whole older tree, whose root the verifier has, or its right edge, which it has not.
  if (start > 0) proof.push(await rangeHash(start, end, read));
  return proof.toReversed();
}

export interface InclusionClaim {
  /** Hash of the entry, from `leafHash`. */
  readonly leaf: Bytes;
  /** Counts from 0. */
  readonly index: number;
  /** From a verified checkpoint: the proof does not vouch for the size. */
  readonly head: TreeHead;
  readonly proof: readonly Bytes[];
}

/**
 * Checks that a tree has this leaf at this index (RFC 9162 §2.1.3.2).
 * @throws {CryptoError} log_inconsistent (inclusion)
 */
export async function verifyInclusion({ leaf, index, head, proof }: InclusionClaim): Promise<void> {
  const fail = (why: string) => refused('inclusion', why);
  // guard: inclusion-index
  if (!isTreeSize(head.size) || !isTreeSize(index) || index >= head.size) throw fail('no such leaf in the tree');
  // guard: inclusion-hash-length
  checkHashes([leaf, head.root, ...proof], fail);
  let root = leaf;
  await climb({ node: index, last: head.size - 1, proof }, fail, async (sibling, isLeft) => {
    root = isLeft ? await nodeHash(sibling, root) : await nodeHash(root, sibling);
  });
  // guard: inclusion-root
  if (!equalBytes(root, head.root)) throw fail('the proof leads to another root');
}

export interface ConsistencyClaim {
  /** What was seen before, from a verified checkpoint. */
  readonly older: TreeHead;
  /** What is shown now, from a verified checkpoint. */
  readonly newer: TreeHead;
  readonly proof: readonly Bytes[];
}

/**
 * Checks that a tree begins with the whole of an older one: nothing was changed, taken away or put in between (RFC 9162
 * §2.1.4.2).
 * @throws {CryptoError} log_inconsistent (consistency)
 */
export async function verifyConsistency({ older, newer, proof }: ConsistencyClaim): Promise<void> {
  const fail = (why: string) => refused('consistency', why);
  // guard: consistency-order
  if (!isTreeSize(older.size) || !isTreeSize(newer.size) || older.size > newer.size)
    throw fail('a tree does not begin with a larger one');
  // guard: consistency-hash-length
  checkHashes([older.root, newer.root, ...proof], fail);
  if (older.size === 0 || older.size === newer.size) {
    // guard: consistency-empty
    if (proof.length > 0) throw fail('the proof is too long');
    const expected = older.size === newer.size ? newer.root : await emptyRoot();
    // guard: consistency-equal-size
    if (!equalBytes(older.root, expected)) throw fail('the roots differ');
    return;
  }
  let node = older.size - 1;
  let last = newer.size - 1;
  while (isRight(node)) [node, last] = [parentOf(node), parentOf(last)];
  // An older tree that is perfect is a subtree of the newer one: its root is known and no part of the proof.
  const [first, ...rest] = node === 0 ? [older.root, ...proof] : proof;
  if (first === undefined) throw fail('the proof is too short');
  let [olderRoot, newerRoot] = [first, first];
  await climb({ node, last, proof: rest }, fail, async (sibling, isLeft) => {
    if (isLeft) olderRoot = await nodeHash(sibling, olderRoot);
    newerRoot = isLeft ? await nodeHash(sibling, newerRoot) : await nodeHash(newerRoot, sibling);
  });
  // guard: consistency-older-root
  if (!equalBytes(olderRoot, older.root)) throw fail('the proof leads to another root of the older tree');
  // guard: consistency-newer-root
  if (!equalBytes(newerRoot, newer.root)) throw fail('the proof leads to another root');
}

interface Climb {
  /** Number of the node on its level, and of the last one there. */
  readonly node: number;
  readonly last: number;
  readonly proof: readonly Bytes[];
}

/** Goes up to the root, one hash of the proof at a time, and says on which side of the way each one is. */
async function climb(
  { proof, ...from }: Climb,
  fail: (why: string) => CryptoError,
  step: (sibling: Bytes, isLeft: boolean) => Promise<void>,
): Promise<void> {
  let { node, last } = from;
  for (const sibling of proof) {
    // guard: inclusion-too-long
    if (last === 0) throw fail('the proof is too long');
    const isLeft = isRight(node) || node === last;
    await step(sibling, isLeft);
    // At the right edge a node is carried up past levels where it has no sibling.
    if (isLeft) while (!isRight(node) && node !== 0) [node, last] = [parentOf(node), parentOf(last)];
    [node, last] = [parentOf(node), parentOf(last)];
  }
  // guard: inclusion-too-short
  if (last !== 0) throw fail('the proof is too short');
}

/** Root of leaves start to end − 1, as RFC 6962 §2.1 divides them: all subtrees on the left are perfect. */
async function rangeHash(start: number, end: number, read: ReadTreeHash): Promise<Bytes> {
  const length = end - start;
  const left = splitOf(length);
  if (left * 2 === length || length === 1) return read(Math.log2(length), start / length);
  return nodeHash(await read(Math.log2(left), start / left), await rangeHash(start + left, end, read));
}

/** The largest power of two below a number; 1 of 1. */
function splitOf(length: number): number {
  let left = 1;
  while (left * 2 < length) left *= 2;
  return left;
}

/** Sizes go beyond 32 bits, where JavaScript's shifts end. */
function parentOf(node: number): number {
  return Math.floor(node / 2);
}

function isRight(node: number): boolean {
  return node % 2 === 1;
}

function checkHashes(hashes: readonly Bytes[], fail: (why: string) => CryptoError): void {
  if (hashes.some(({ length }) => length !== TREE_HASH_BYTES)) throw fail('a hash is not 32 bytes long');
}

function refused(check: 'inclusion' | 'consistency', why: string): CryptoError {
  return new CryptoError('log_inconsistent', why, { check });
}
