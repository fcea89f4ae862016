import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** What a content says of its key. Null for those that were sealed before contents said it: nothing runs by them. */
export async function addDataKeyCommitments(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('prompt_version').addColumn('dkc', 'text').execute();
}

/** Grants that their recipients took back as unfit, and who can give that key that version no more. */
export async function createUnfitGrantTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('unfit_grant')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('prompt_id', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    // The person of the device that posted it, or the service.
    .addColumn('poster_urn', 'text', (column) => column.notNull())
    .addColumn('poster_kid', 'text', (column) => column.notNull())
    .addColumn('aud', 'text', (column) => column.notNull())
    .addColumn('whash', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('unfit_grant_pkey', ['prompt_id', 'version', 'kid', 'poster_urn'])
    .addForeignKeyConstraint('unfit_grant_version_fkey', ['prompt_id', 'version'], 'prompt_version', [
      'prompt_id',
      'version',
    ])
    .addUniqueConstraint('unfit_grant_whash_key', ['org', 'whash'])
    .execute();
  // Whoever tries what came for a key asks for what is new.
  await db.schema
    .createIndex('content_grant_arrived')
    .on('content_grant')
    .columns(['org', 'kid', 'created_at'])
    .execute();
}

/** No longer unique by its hash: several may post the same bytes, and each is barred. */
export async function barEachPoster(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('unfit_grant').dropConstraint('unfit_grant_whash_key').execute();
  await db.schema.createIndex('unfit_grant_of_org').on('unfit_grant').columns(['org', 'whash', 'poster_urn']).execute();
}
