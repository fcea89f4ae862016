import type { Kysely, Transaction } from 'kysely';
import type { VaultTables } from './types.js';

/** The vault's tables, in its own schema. A class, because Nest injects by it. */
export class VaultDatabase {
  readonly db: Kysely<VaultTables>;

  constructor(db: Kysely<VaultTables>) {
    this.db = db;
  }
}

/** Inside a transaction everything goes through this: the embedded database has one connection. */
export type VaultTransaction = Transaction<VaultTables>;

/** Where a repository reads: the transaction that is at work, else the database. */
export type VaultSource = Kysely<VaultTables>;
