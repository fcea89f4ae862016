import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Where each organisation's rows were written, and whether they were restored since and nobody has said that all is back. */
export async function createRestoreTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('restore_mark')
    .addColumn('org', 'text', (column) => column.primaryKey().references('organisation.org'))
    .addColumn('place', 'text', (column) => column.notNull())
    .addColumn('written_by', sql`xid8`, (column) => column.notNull())
    .execute();
  await db.schema.alterTable('organisation').addColumn('restored_at', 'timestamptz').execute();
}
