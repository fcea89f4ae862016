import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Which grants of this responder were tried. */
export async function createTriedGrantTable(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('tried_grant')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('whash', 'text', (column) => column.notNull())
    .addColumn('fit', 'boolean', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('tried_grant_pkey', ['org', 'kid', 'whash'])
    .execute();
}
