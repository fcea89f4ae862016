import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** The newest cosignature of each witness, for each log. */
export interface AuditCosignatureTable {
  org: string;
  /** Which log; counts from 1. */
  log: number;
  /** Name of the witness. */
  witness: string;
  /** Its verifier key when it signed: one whose key the policy has changed begins anew. */
  key: string;
  /** Size of the tree that it cosigned. */
  size: number;
  /** Seconds: when, by its own clock. */
  at: number;
  /** The checkpoint as the log signed it, without cosignatures. */
  checkpoint: string;
  /** The line of the cosignature. */
  line: string;
}

export interface WitnessTables {
  audit_cosignature: AuditCosignatureTable;
}

/** Makes the table. */
export async function createCosignatureTable(db: Kysely<WitnessTables>): Promise<void> {
  await db.schema
    .createTable('audit_cosignature')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('witness', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull().check(sql`size > 0`))
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('checkpoint', 'text', (column) => column.notNull())
    .addColumn('line', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('audit_cosignature_pkey', ['org', 'log', 'witness'])
    .addForeignKeyConstraint('audit_cosignature_log_fkey', ['org', 'log'], 'audit_log', ['org', 'log'])
    .execute();
}
