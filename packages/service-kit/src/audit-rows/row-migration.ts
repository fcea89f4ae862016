import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LogTables } from '../audit-log/log-tables.js';

/**
 * Rows of the outbox are authenticated from now on. Those that wait have no secret: nobody can check them, so an upgrade has
 * the log written first (docs/guide/deploy.md).
 */
export async function authenticateRows(db: Kysely<LogTables>): Promise<void> {
  await db.schema.alterTable('audit_outbox').addColumn('secret_id', 'text').addColumn('mac', 'bytea').execute();
  await db.schema
    .createTable('audit_unsigned')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('idx', 'bigint', (column) => column.notNull())
    .addColumn('secret_id', 'text')
    .addColumn('mac', 'bytea')
    .addPrimaryKeyConstraint('audit_unsigned_pkey', ['org', 'log', 'idx'])
    .execute();
  await db.schema
    .createTable('audit_set_aside')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('id', 'bigint', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('leaf', 'bytea', (column) => column.notNull())
    .addColumn('evidence', 'text')
    .addColumn('secret_id', 'text')
    .addColumn('mac', 'bytea')
    .addColumn('why', 'text', (column) => column.notNull().check(sql`why in ('forged', 'unknown')`))
    .addColumn('moved_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .execute();
  await db.schema.createIndex('audit_set_aside_org_id').on('audit_set_aside').columns(['org', 'id']).execute();
  // The first name that an entry has is its own. The index of all names is slow for many at once.
  await db.schema.createIndex('audit_entry_own_id').on('audit_entry').expression(sql`(objects[1])`).execute();
}
