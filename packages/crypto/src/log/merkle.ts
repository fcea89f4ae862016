import type { Bytes } from '../encoding/bytes.js';
import { concatBytes, sha256 } from '../encoding/bytes.js';
import { CryptoError } from '../names/errors.js';

/** Length of every hash in a tree. */
export const TREE_HASH_BYTES = 32;
/** Longest entry of a log: C2SP tlog-tiles puts a uint16 length before each. */
export const LOG_ENTRY_MAX_BYTES = 65_535;
/** Most entries of a log: what a number counts exactly. */
export const TREE_SIZE_MAX = Number.MAX_SAFE_INTEGER;

/** A tree at one size. Only both together say something: a root alone does not tell its size (docs/spec/merkle.md). */
export interface TreeHead {
  /** How many leaves the tree has. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

/**
 * Hash of a leaf: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1, RFC 9162 §2.1.1).
 * @param entry the stored bytes of a log entry, never serialised anew.
 * @throws {CryptoError} payload_too_large
 */
export async function leafHash(entry: Uint8Array): Promise<Bytes> {
  // guard: log-entry-length
  if (entry.length > LOG_ENTRY_MAX_BYTES) {
    throw new CryptoError('payload_too_large', `a log entry has at most ${LOG_ENTRY_MAX_BYTES} bytes`);
  }
  return sha256(concatBytes(Uint8Array.of(0x00), entry));
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1). */
export async function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(concatBytes(Uint8Array.of(0x01), left, right));
}

/**
 * All that must be kept to append to a tree and to know its root: one hash for each bit of the size that is set.
 * @see docs/spec/merkle.md, Frontier
 */
export interface Frontier {
  /** How many leaves the tree has. */
  readonly size: number;
  /** Roots of its perfect subtrees, from left to right and so from the largest to the smallest. */
  readonly peaks: readonly Bytes[];
}

/** The tree without leaves. */
export const EMPTY_FRONTIER: Frontier = Object.freeze({ size: 0, peaks: Object.freeze([]) });

/** What a leaf changed. */
export interface Appended {
  readonly frontier: Frontier;
  /**
   * Roots of the perfect subtrees that the leaf completed: at place `l` that of 2^l leaves, the last of which is this
   * one; the first is the leaf itself. A log stores them at (level l, index ⌊size before ÷ 2^l⌋).
   */
  readonly completed: readonly Bytes[];
}

/**
 * Appends one leaf in at most log₂ size + 1 hashes; the frontier that goes in stays as it is.
 * @param leaf from `leafHash`.
 * @throws {CryptoError} payload_too_large if the tree is full; token_malformed if the hash is not 32 bytes long
 */
export async function appendLeaf(frontier: Frontier, leaf: Bytes): Promise<Appended> {
  // guard: log-leaf-length
  if (leaf.length !== TREE_HASH_BYTES) throw malformed('a leaf hash is not 32 bytes long');
  // guard: log-full
  if (frontier.size >= TREE_SIZE_MAX) throw new CryptoError('payload_too_large', 'the tree is full');
  const peaks = [...frontier.peaks];
  const completed = [leaf];
  let hash = leaf;
  for (let rest = frontier.size; rest % 2 === 1; rest = (rest - 1) / 2) {
    hash = await nodeHash(lastOf(peaks), hash);
    peaks.pop();
    completed.push(hash);
  }
  return { frontier: { size: frontier.size + 1, peaks: [...peaks, hash] }, completed };
}

/** Size and root of the tree (RFC 9162 §2.1.1); the root of the empty tree is SHA-256 of nothing. */
export async function treeHeadOf(frontier: Frontier): Promise<TreeHead> {
  const peaks = [...frontier.peaks];
  let root = peaks.pop() ?? (await emptyRoot());
  while (peaks.length > 0) {
    root = await nodeHash(lastOf(peaks), root);
    peaks.pop();
  }
  return { size: frontier.size, root };
}

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1). */
export async function emptyRoot(): Promise<Bytes> {
  return sha256(new Uint8Array(0));
}

/** The peaks one after another, to be stored beside the size. */
export function encodeFrontier({ peaks }: Frontier): Bytes {
  return concatBytes(...peaks);
}

/**
 * A stored frontier. Whether its peaks are those of the log shows when its root is compared with a checkpoint.
 * @throws {CryptoError} token_malformed if the peaks are not as many as the size has bits set
 */
export function parseFrontier(size: number, bytes: Uint8Array): Frontier {
  if (!isTreeSize(size)) throw malformed('not a size of a tree');
  const count = peakCount(size);
  // guard: log-frontier-length
  if (bytes.length !== count * TREE_HASH_BYTES) throw malformed('a frontier does not fit its size');
  const peaks = Array.from({ length: count }, (_, at) =>
    Uint8Array.from(bytes.subarray(at * TREE_HASH_BYTES, (at + 1) * TREE_HASH_BYTES)),
  );
  return { size, peaks };
}

/** Whether a number can be the size of a tree. */
export function isTreeSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

/** How many bits of the size are set. Divided, not shifted: JavaScript shifts 32 bits only. */
function peakCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

function lastOf(peaks: readonly Bytes[]): Bytes {
  const last = peaks.at(-1);
  if (last === undefined) throw malformed('a frontier does not fit its size');
  return last;
}

function malformed(message: string): CryptoError {
  return new CryptoError('token_malformed', message);
}
