import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** What runs took as responders reported it, and which reports those were. */
export async function createUsageTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('usage_report')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('responder', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    // Of reports that come twice, or at the same moment, it lets one in.
    .addPrimaryKeyConstraint('usage_report_pkey', ['org', 'responder', 'id'])
    .execute();
  await db.schema.createIndex('usage_report_created_at').on('usage_report').column('created_at').execute();
  const sums = ['runs', 'failed', 'uncounted', 'input_tokens', 'output_tokens', 'cost_nanos'] as const;
  let hours = db.schema
    .createTable('usage_hour')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('hour', 'timestamptz', (column) => column.notNull())
    .addColumn('responder', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    // Null for chats.
    .addColumn('prompt', 'text')
    .addColumn('model', 'text', (column) => column.notNull())
    // Null where no cost is known.
    .addColumn('currency', 'text');
  for (const name of sums) hours = hours.addColumn(name, 'bigint', (column) => column.notNull());
  await hours
    .addUniqueConstraint(
      'usage_hour_key',
      ['org', 'hour', 'responder', 'device', 'prompt', 'model', 'currency'],
      (constraint) => constraint.nullsNotDistinct(),
    )
    .execute();
  await db.schema.createIndex('usage_hour_hour').on('usage_hour').column('hour').execute();
  await db.schema.createIndex('usage_hour_device').on('usage_hour').columns(['org', 'device', 'hour']).execute();
}
