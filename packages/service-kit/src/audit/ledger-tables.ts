import type { ColumnType, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { createLogTables } from '../audit-log/log-migration.js';
import type { LogTables } from '../audit-log/log-tables.js';
import { authenticateRows } from '../audit-rows/row-migration.js';
import type { WitnessTables } from '../witnesses/cosignature-table.js';
import { createCosignatureTable } from '../witnesses/cosignature-table.js';

/**
 * Nonces of requests that had an effect or a recorded refusal, until the signature is dead for every clock and the one of
 * the database says so.
 */
export interface HttpNonceTable {
  org: string;
  keyid: string;
  nonce: string;
  /** Seconds. */
  expires_at: number;
  /** By which a request finds out that it was it that wrote the row; null where it needs not. */
  write_id: ColumnType<string | null, string | undefined, never>;
}

/** Answers by Idempotency-Key. */
export interface IdempotencyTable {
  org: string;
  keyid: string;
  key: string;
  request_sha256: string;
  /** JSON text of the answer: body, and status and headers where it has its own. */
  answer: string;
  /** Seconds, by the clock of the process that answered: until then the answer is given again. Null: as long as the row is there. */
  answer_until: ColumnType<number | null, number | null | undefined, number | null>;
  /** Seconds, by the clock of the database: until then the key is known. */
  expires_at: number;
}

/** Tables that both services have; a service's own table type extends this one. */
export interface LedgerTables extends LogTables, WitnessTables {
  http_nonce: HttpNonceTable;
  idempotency: IdempotencyTable;
}

/** The ledger's own tables of a service's database. */
export function ledgerOf<Tables extends LedgerTables>(db: Kysely<Tables>): Kysely<LedgerTables> {
  return db as unknown as Kysely<LedgerTables>;
}

/** Migrations of the ledger's tables, for a service to spread into its own: their names sort first. */
export const ledgerMigrations: Readonly<Record<string, Migration>> = {
  '0000-ledger': {
    async up(db) {
      await db.schema
        .createTable('http_nonce')
        .addColumn('org', 'text', (column) => column.notNull())
        .addColumn('keyid', 'text', (column) => column.notNull())
        .addColumn('nonce', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('http_nonce_key', ['keyid', 'nonce'])
        .execute();
      await db.schema.createIndex('http_nonce_expires_at').on('http_nonce').column('expires_at').execute();
      await db.schema
        .createTable('idempotency')
        .addColumn('org', 'text', (column) => column.notNull())
        .addColumn('keyid', 'text', (column) => column.notNull())
        .addColumn('key', 'text', (column) => column.notNull())
        .addColumn('request_sha256', 'text', (column) => column.notNull())
        .addColumn('answer', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('idempotency_key', ['keyid', 'key'])
        .execute();
      await db.schema.createIndex('idempotency_expires_at').on('idempotency').column('expires_at').execute();
      await db.schema
        .createTable('audit_event')
        .addColumn('id', 'bigint', (column) => column.primaryKey().generatedAlwaysAsIdentity())
        .addColumn('org', 'text')
        .addColumn('at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
        .addColumn('event', 'jsonb', (column) => column.notNull())
        .addColumn('request_id', 'text')
        .execute();
      await db.schema.createIndex('audit_event_org_at').on('audit_event').columns(['org', 'at']).execute();
    },
  },
  // Later than anything that either service had when it came.
  '2026-12-01-remembered-longer': { up: rememberLonger },
  '2026-12-02-write-ids': { up: addWriteIds },
  '2026-12-03-audit-log': { up: createLogTables },
  '2026-12-04-witnesses': { up: createCosignatureTable },
  'm0026-authenticated-rows': { up: authenticateRows },
};

const DAY_SECONDS = 86_400;

/** An answer ends before its key is forgotten. What is there already is kept as long as what comes from now on. */
async function rememberLonger(db: Kysely<LedgerTables>): Promise<void> {
  await db.schema.alterTable('idempotency').addColumn('answer_until', 'bigint').execute();
  await db
    .updateTable('idempotency')
    .set((eb) => ({ answer_until: eb.ref('expires_at'), expires_at: eb('expires_at', '+', DAY_SECONDS) }))
    .execute();
  await db
    .updateTable('http_nonce')
    .set((eb) => ({ expires_at: eb('expires_at', '+', 120) }))
    .execute();
}

async function addWriteIds(db: Kysely<LedgerTables>): Promise<void> {
  await db.schema.alterTable('http_nonce').addColumn('write_id', 'uuid').execute();
}
