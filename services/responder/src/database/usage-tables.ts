import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** What runs took that have ended, until it is in a report; and reports until the vault has them. */
export async function createUsageTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('usage_run')
    .addColumn('id', 'bigint', (column) => column.primaryKey().generatedAlwaysAsIdentity())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    // Null for chats.
    .addColumn('prompt', 'text')
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('failed', 'boolean', (column) => column.notNull())
    .addColumn('input_tokens', 'bigint')
    .addColumn('output_tokens', 'bigint')
    .addColumn('currency', 'text')
    .addColumn('cost_nanos', 'bigint')
    .addCheckConstraint('usage_run_cost', sql`(currency is null) = (cost_nanos is null)`)
    .addColumn('ended_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();
  await db.schema
    .createTable('usage_report')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    // As it is sent: the same each time.
    .addColumn('counts', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();
}
