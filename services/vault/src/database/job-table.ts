import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from './types.js';

/** Work that goes on by itself. Of each kind an organisation has one at a time. */
export async function createJobTable(db: Kysely<VaultTables>): Promise<void> {
  await db.schema
    .createTable('job')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('what', 'text', (column) => column.notNull().check(sql`what in ('kek', 'root')`))
    .addColumn('state', 'text', (column) =>
      column.notNull().check(sql`state in ('waiting', 'running', 'done', 'canceled')`),
    )
    .addColumn('target', 'text')
    .addColumn('total', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('done', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('trouble', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('changed_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('ended_at', 'timestamptz')
    .addCheckConstraint('job_ended', sql`(ended_at is null) = (state in ('waiting', 'running'))`)
    .execute();
  await db.schema
    .createIndex('job_open_key')
    .unique()
    .on('job')
    .columns(['org', 'what'])
    .where(sql.ref('ended_at'), 'is', null)
    .execute();
  await db.schema.createIndex('job_of_org').on('job').columns(['org', 'id']).execute();
}
