import type { Bytes } from '@bulla/crypto';
import type { Frontier, TreeHead } from '@bulla/crypto/log';
import { concatBytes, sha256, utf8 } from '@bulla/crypto';
import { appendLeaf, EMPTY_FRONTIER, leafHash, treeHeadOf } from '@bulla/crypto/log';

/** A log in memory that stores what a log has to: the perfect subtrees, as appending completes them. */
export class TestLog {
  #frontier: Frontier = EMPTY_FRONTIER;
  readonly #hashes = new Map<string, Bytes>();
  readonly #heads: TreeHead[] = [];

  /** A log of these entries. */
  static async of(entries: readonly Uint8Array[]): Promise<TestLog> {
    const log = new TestLog();
    log.#heads.push(await treeHeadOf(EMPTY_FRONTIER));
    for (const entry of entries) await log.append(entry);
    return log;
  }

  /** A log of so many entries, no two of them the same. */
  static async counting(size: number): Promise<TestLog> {
    return TestLog.of(Array.from({ length: size }, (_, index) => utf8(`entry ${index}`)));
  }

  async append(entry: Uint8Array): Promise<void> {
    const { size } = this.#frontier;
    const { frontier, completed } = await appendLeaf(this.#frontier, await leafHash(entry));
    for (const [level, hash] of completed.entries())
      this.#hashes.set(`${level}/${Math.floor(size / 2 ** level)}`, hash);
    this.#frontier = frontier;
    this.#heads.push(await treeHeadOf(frontier));
  }

  get frontier(): Frontier {
    return this.#frontier;
  }

  /** What the tree was at a size. */
  head(size: number): TreeHead {
    return there(this.#heads[size]);
  }

  leaf(index: number): Bytes {
    return there(this.#hashes.get(`0/${index}`));
  }

  readonly read = async (level: number, index: number): Promise<Bytes> => there(this.#hashes.get(`${level}/${index}`));
}

/** Copy of bytes with one bit turned over. */
export function flipBit(bytes: Uint8Array, bit: number): Bytes {
  const flipped = Uint8Array.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

/** MTH(D) word for word as RFC 6962 §2.1 defines it. */
export async function treeHash(entries: readonly Uint8Array[]): Promise<Bytes> {
  const [only] = entries;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (entries.length === 1) return sha256(concatBytes(Uint8Array.of(0), only));
  const k = split(entries.length);
  return sha256(concatBytes(Uint8Array.of(1), await treeHash(entries.slice(0, k)), await treeHash(entries.slice(k))));
}

/** PATH(m, D) word for word as RFC 6962 §2.1.1 defines it. */
export async function path(m: number, entries: readonly Uint8Array[]): Promise<Bytes[]> {
  if (entries.length === 1) return [];
  const k = split(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m < k
    ? [...(await path(m, left)), await treeHash(right)]
    : [...(await path(m - k, right)), await treeHash(left)];
}

/** SUBPROOF(m, D, b) word for word as RFC 6962 §2.1.2 defines it; PROOF(m, D) is that with `true`. */
export async function subproof(m: number, entries: readonly Uint8Array[], b: boolean): Promise<Bytes[]> {
  if (m === entries.length) return b ? [] : [await treeHash(entries)];
  const k = split(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m <= k
    ? [...(await subproof(m, left, b)), await treeHash(right)]
    : [...(await subproof(m - k, right, false)), await treeHash(left)];
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1));
}

function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the log never stored it');
  return value;
}
