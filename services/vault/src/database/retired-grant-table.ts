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

/** Who posted grants that somebody else than their recipient took away, for as long as the recipient may say they were unfit. */
export async function createDeletedGrantTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('deleted_grant')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('whash', 'text', (column) => column.notNull())
    // The person of the device that posted it, or the service.
    .addColumn('poster_urn', 'text', (column) => column.notNull())
    .addColumn('poster_kid', 'text', (column) => column.notNull())
    .addColumn('prompt_id', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('aud', 'text', (column) => column.notNull())
    .addColumn('until', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('deleted_grant_pkey', ['org', 'whash', 'poster_urn'])
    .addForeignKeyConstraint('deleted_grant_version_fkey', ['prompt_id', 'version'], 'prompt_version', [
      'prompt_id',
      'version',
    ])
    .execute();
  await db.schema.createIndex('deleted_grant_until').on('deleted_grant').column('until').execute();
}
