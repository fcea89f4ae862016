import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** What renewers say is the newest: of each the last word for the directory and for each label. */
export async function createFreshnessTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('directory_freshness')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('urn', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'timestamptz', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('directory_freshness_pkey', ['org', 'urn'])
    .execute();
  await db.schema
    .createTable('label_freshness')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('name', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('urn', 'text', (column) => column.notNull())
    .addColumn('seq', 'integer', (column) => column.notNull())
    .addColumn('pos', 'text', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'timestamptz', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('label_freshness_pkey', ['org', 'name', 'label', 'urn'])
    .addForeignKeyConstraint('label_freshness_position_fkey', ['org', 'name', 'label', 'seq', 'pos'], 'prompt_label', [
      'org',
      'name',
      'label',
      'seq',
      'pos',
    ])
    .execute();
  // Every label that ever was, once: renewers page through all of them.
  await db.schema
    .createIndex('prompt_label_first')
    .on('prompt_label')
    .columns(['org', 'name', 'label'])
    .where(sql.ref('seq'), '=', 1)
    .execute();
}
