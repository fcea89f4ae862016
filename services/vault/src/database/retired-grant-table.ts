import type { Kysely } from 'kysely';

/** Grants that their recipient took back, for as long as an envelope that names them may still be asked for. */
export async function createRetiredGrantTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('retired_grant')
    .addColumn('whash', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('prompt_id', 'text', (column) => column.notNull().references('prompt.id'))
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('until', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('retired_grant_until').on('retired_grant').column('until').execute();
}
