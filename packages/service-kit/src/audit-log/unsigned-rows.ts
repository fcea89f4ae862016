import type { Bytes } from '@bulla/crypto';
import type { Kysely } from 'kysely';
import { insertTaken } from '../audit/outbox.js';
import type { LedgerTables } from '../audit/ledger-tables.js';
import { copyOf } from './log-head.js';

type Db = Kysely<LedgerTables>;

/** An entry that is in a log and under no checkpoint yet, with what its row was authenticated by, if that is there. */
export interface UnsignedLeaf {
  readonly index: number;
  readonly leaf: Bytes;
  readonly secretId: string | null;
  readonly mac: Bytes | null;
}

/** What stands beside the entries of a log until a checkpoint holds them. */
export class UnsignedRows {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * Entries from one index up to another, in their order, as the database has them: it may have none of an index, or two.
   * Whoever signs checks that each is there once, that the tree is made of them, and by RowSecrets what authenticates them.
   */
  async unsignedLeaves(org: string, log: number, from: number, to: number): Promise<UnsignedLeaf[]> {
    const rows = await this.#db
      .selectFrom('audit_entry')
      .leftJoin('audit_unsigned', (join) =>
        join
          .onRef('audit_unsigned.org', '=', 'audit_entry.org')
          .onRef('audit_unsigned.log', '=', 'audit_entry.log')
          .onRef('audit_unsigned.idx', '=', 'audit_entry.idx'),
      )
      .select(['audit_entry.idx', 'leaf', 'secret_id', 'mac'])
      .where('audit_entry.org', '=', org)
      .where('audit_entry.log', '=', log)
      .where('audit_entry.idx', '>=', from)
      .where('audit_entry.idx', '<', to)
      .orderBy('audit_entry.idx')
      .execute();
    return rows.map(({ idx, leaf, secret_id: secretId, mac }) => ({
      index: idx,
      leaf: copyOf(leaf),
      secretId,
      mac: mac === null ? null : copyOf(mac),
    }));
  }

  /** Logs of an organisation beside entries of which something stands. */
  async logs(org: string): Promise<number[]> {
    const rows = await this.#db.selectFrom('audit_unsigned').select('log').distinct().where('org', '=', org).execute();
    return rows.map(({ log }) => log);
  }

  /** Forgets what stands beside the entries that a checkpoint of this size holds. */
  async dropUnsigned(org: string, log: number, below: number): Promise<void> {
    await this.#db
      .deleteFrom('audit_unsigned')
      .where('org', '=', org)
      .where('log', '=', log)
      .where('idx', '<', below)
      .execute();
  }

  /**
   * Puts what still stands beside entries of a log back into the outbox, with its entry: that log goes on no more. The entries
   * stay where they are, beyond what was signed.
   * @returns how many rows
   */
  async handBack(trx: Db, org: string, log: number): Promise<number> {
    const rows = await trx
      .deleteFrom('audit_unsigned')
      .using('audit_entry')
      .whereRef('audit_unsigned.org', '=', 'audit_entry.org')
      .whereRef('audit_unsigned.log', '=', 'audit_entry.log')
      .whereRef('audit_unsigned.idx', '=', 'audit_entry.idx')
      .where('audit_unsigned.org', '=', org)
      .where('audit_unsigned.log', '=', log)
      .returning([
        'audit_entry.at',
        'audit_entry.leaf',
        'audit_entry.evidence',
        'secret_id',
        'mac',
        'audit_unsigned.idx',
      ])
      .execute();
    const inOrder = rows.toSorted((one, other) => one.idx - other.idx);
    for (let first = 0; first < inOrder.length; first += HAND_BACK_ROWS)
      await insertTaken(
        trx,
        inOrder
          .slice(first, first + HAND_BACK_ROWS)
          .map(({ at, leaf, evidence, secret_id, mac }) => ({ org, at, leaf, evidence, secret_id, mac })),
      );
    return rows.length;
  }
}

const HAND_BACK_ROWS = 1_000;
