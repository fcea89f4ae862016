import type { Bytes } from '@bulla/crypto';
import { CryptoError, decodeUtf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { appendLeaf, leafHash, makeConsistencyProof, treeHeadOf, verifyConsistency } from '@bulla/crypto/log';
import type { FirstEntries } from '../begin/first-entry.js';
import { termsOf } from '../entry-terms.js';
import { frontierAt } from '../frontier-at.js';
import type { LogRepository } from '../log.repository.js';
import { treeHashes } from '../tree-hashes.js';
import type { RetentionRepository } from './retention.repository.js';

/** Entries that are read at once. */
const PAGE = 1_000;

export interface AgedLeavesParts {
  readonly logs: Pick<LogRepository, 'tile'>;
  readonly entries: Pick<RetentionRepository, 'leaves'>;
  readonly firsts: Pick<FirstEntries, 'signedHead'>;
}

export interface EntryRange {
  readonly org: string;
  readonly log: number;
  readonly first: number;
  /** The first index that stays. */
  readonly below: number;
}

/**
 * How old entries are by what was signed of them. The month in which the database keeps an entry is anybody's who has the
 * database, and so is the text of an entry, until it is shown to be in a tree of this log that its key signed.
 */
export class AgedLeaves {
  readonly #parts: AgedLeavesParts;

  constructor(parts: AgedLeavesParts) {
    this.#parts = parts;
  }

  /**
   * Whether entries are those that were signed, each of them written before a moment. The first entry of a log counts as old
   * as what follows it: what it says is repeated where it goes.
   * @param beforeMs by the clock of who wrote them.
   * @returns the signed tree that has them; undefined where they are not so
   */
  async signedOlder({ org, log, first, below }: EntryRange, beforeMs: number): Promise<TreeHead | undefined> {
    const { logs, entries, firsts } = this.#parts;
    const head = await firsts.signedHead(org, log);
    if (head === undefined || head.size < below) return undefined;
    const hashes = treeHashes(logs, { org, log, size: head.size });
    try {
      let frontier = await frontierAt(first, hashes);
      while (frontier.size < below) {
        const page = await entries.leaves(org, log, frontier.size, Math.min(frontier.size + PAGE, below));
        if (page.length === 0) return undefined;
        for (const { idx, leaf } of page) {
          // guard: prune-young
          if (idx !== frontier.size || (idx > 0 && !isBefore(leaf, beforeMs))) return undefined;
          ({ frontier } = await appendLeaf(frontier, await leafHash(leaf)));
        }
      }
      const proof = await makeConsistencyProof(below, head.size, hashes);
      // guard: prune-signed-leaves
      await verifyConsistency({ older: await treeHeadOf(frontier), newer: head, proof });
      return head;
    } catch (error) {
      if (error instanceof CryptoError) return undefined;
      throw error;
    }
  }
}

function isBefore(leaf: Bytes, beforeMs: number): boolean {
  const { tMs } = termsOf(decodeUtf8(leaf));
  return tMs !== undefined && tMs < beforeMs;
}
