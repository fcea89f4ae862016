import type { Bytes } from '@bulla/crypto';
import { LOG_ENTRY_MAX_BYTES } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { insertTaken } from '../audit/outbox.js';
import type { LedgerTables } from '../audit/ledger-tables.js';
import { copyOf } from './log-head.js';
import { isMoment } from './months.js';

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
    // Apart: a planner that has counted nothing yet compares each row with every other in a join.
    const within = (table: 'audit_entry' | 'audit_unsigned') =>
      this.#db
        .selectFrom(table)
        .where('org', '=', org)
        .where('log', '=', log)
        .where('idx', '>=', from)
        .where('idx', '<', to);
    const entries = await within('audit_entry').select(['idx', 'leaf']).orderBy('idx').execute();
    const beside = await within('audit_unsigned').select(['idx', 'secret_id', 'mac']).execute();
    const known = new Map(beside.map((row) => [row.idx, row]));
    return entries.map(({ idx, leaf }) => {
      const { secret_id: secretId = null, mac = null } = known.get(idx) ?? {};
      return { index: idx, leaf: copyOf(leaf), secretId, mac: mac === null ? null : copyOf(mac) };
    });
  }

  /** Logs of an organisation with lower numbers beside entries of which something stands. */
  async logsBelow(org: string, number: number): Promise<number[]> {
    const rows = await this.#db
      .selectFrom('audit_unsigned')
      .select('log')
      .distinct()
      .where('org', '=', org)
      .where('log', '<', number)
      .execute();
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
    const beside = await trx
      .deleteFrom('audit_unsigned')
      .where('org', '=', org)
      .where('log', '=', log)
      .returning(['idx', 'secret_id', 'mac'])
      .execute();
    const inOrder = beside.toSorted((one, other) => one.idx - other.idx);
    let handed = 0;
    for (let first = 0; first < inOrder.length; first += HAND_BACK_ROWS) {
      const page = new Map(inOrder.slice(first, first + HAND_BACK_ROWS).map((row) => [row.idx, row]));
      const entries = await trx
        .selectFrom('audit_entry')
        .select(['idx', 'at', 'leaf', 'evidence'])
        .where('org', '=', org)
        .where('log', '=', log)
        .where(sql<boolean>`idx = any(${[...page.keys()]}::int8[])`)
        .orderBy('idx')
        .execute();
      const rows = entries.flatMap(({ idx, at, leaf, evidence }) => {
        const { secret_id = null, mac = null } = page.get(idx) ?? {};
        // What anybody put there keeps no other row where it is: no leaf is so long, and a time has no MAC.
        // guard: hand-back-fits
        if (leaf.length > LOG_ENTRY_MAX_BYTES) return [];
        return [{ org, at: isMoment(at) ? at : new Date(), leaf, evidence, secret_id, mac }];
      });
      if (rows.length > 0) await insertTaken(trx, rows);
      handed += rows.length;
    }
    return handed;
  }
}

const HAND_BACK_ROWS = 1_000;
