import { CryptoError } from '@bulla/crypto';
import type { Bytes } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { leafHash, makeInclusionProof, verifyInclusion } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import type { LogHead } from '../audit-log/log-head.js';
import { LogRepository } from '../audit-log/log.repository.js';
import type { LogMark } from '../audit-log/marks.js';
import { treeHashes } from '../audit-log/tree-hashes.js';

/** The log that is written, and what was signed of this one and of those before it. */
export interface WrittenLog {
  readonly head: LogHead;
  readonly marks: readonly (LogMark & { readonly number: number })[];
}

/** A leaf that may be in a log already. */
export interface SoughtLeaf {
  /** Of the entry. */
  readonly id: string;
  readonly leaf: Bytes;
  /** Places from there on in the log that is written do not count; all of them do unless given. */
  readonly before?: number;
}

/** Says which leaves are in a log already. */
export class LeafPlaces {
  readonly #trx: Kysely<LedgerTables>;

  constructor(trx: Kysely<LedgerTables>) {
    this.#trx = trx;
  }

  /**
   * Those that are in a log, by a tree that is signed or will be: anybody who has the database can put an entry there. Of a
   * lost log that is what its mark speaks of; what it has beyond that comes into the next one.
   */
  async inLog<Sought extends SoughtLeaf>(written: WrittenLog, sought: readonly Sought[]): Promise<Sought[]> {
    if (sought.length === 0) return [];
    const places = await this.#find(
      written.head.org,
      sought.map(({ id }) => id),
    );
    const found: Sought[] = [];
    for (const one of sought) {
      const own = places.get(hex(one.leaf)) ?? [];
      // guard: row-again-later without: if (own.length < 0) found.push(one);
      if (await this.#isAtOne(written, one, own)) found.push(one);
    }
    return found;
  }

  /** Where the database says that entries with these ids are, by their leaves in hexadecimal. */
  async #find(org: string, ids: readonly string[]): Promise<Map<string, { log: number; idx: number }[]>> {
    // A planner that has counted nothing yet reads all entries, or all of the organisation, and compares each with all ids.
    await sql`set local enable_seqscan = off`.execute(this.#trx);
    const rows = await this.#trx
      .selectFrom('audit_entry')
      .select(['log', 'idx', 'leaf'])
      .where(sql<boolean>`org || '' = ${org}`)
      .where(sql<boolean>`objects[1] = any(${ids}::text[])`)
      .execute();
    const places = new Map<string, { log: number; idx: number }[]>();
    for (const { log, idx, leaf } of rows) places.set(hex(leaf), [...(places.get(hex(leaf)) ?? []), { log, idx }]);
    return places;
  }

  async #isAtOne(
    { head, marks }: WrittenLog,
    { leaf, before = head.size }: SoughtLeaf,
    places: readonly { log: number; idx: number }[],
  ): Promise<boolean> {
    for (const { log, idx } of places) {
      const tree: TreeHead | undefined = log === head.log ? head : marks.findLast(({ number }) => number === log);
      if (tree === undefined || idx >= tree.size || (log === head.log && idx >= before)) continue;
      const hashes = treeHashes(new LogRepository(this.#trx), { org: head.org, log, size: tree.size });
      try {
        const proof = await makeInclusionProof(idx, tree.size, hashes);
        // guard: row-again-proven
        await verifyInclusion({ leaf: await leafHash(leaf), index: idx, head: tree, proof });
        return true;
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error;
      }
    }
    return false;
  }
}

/** It is done for each row, and `encodeHex` takes as long as the MAC. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
