import { ledgerMigrations } from '@bulla/service-kit';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { createChatEnvelopes } from './chat-envelopes.js';
import { addDataKeyCommitments, barEachPoster, createUnfitGrantTable } from './commitment-tables.js';
import { createFreshnessTables } from './freshness-tables.js';
import { createKeyTables } from './key-tables.js';
import { createLabelPositions } from './label-positions.js';
import { createPeopleTables } from './people-tables.js';
import { createRestoreTables } from './restore-tables.js';
import { createDeletedGrantTable, createRetiredGrantTable } from './retired-grant-table.js';
import type { VaultTables } from './types.js';
import { createUsageTables } from './usage-tables.js';

/** Tables of the vault, in the order in which they came, which is that of their names. A migration that was released is never changed. */
export const vaultMigrations: Readonly<Record<string, Migration>> = {
  ...ledgerMigrations,
  '2026-11-25-vault': { up: createTables },
  '2026-11-26-approvals': { up: createApprovalTables },
  '2026-11-27-people': { up: createPeopleTables },
  '2026-11-27-published-hashes': { up: createDirectoryHashes },
  '2026-11-27-retired-grants': { up: createRetiredGrantTable },
  '2026-11-28-label-positions': { up: createLabelPositions },
  '2026-11-29-freshness': { up: createFreshnessTables },
  '2026-11-30-restore-mark': { up: createRestoreTables },
  '2026-12-01-names-of-labels': { up: createLabelNamesIndex },
  '2026-12-05-keys': { up: createKeyTables },
  '2026-12-07-chat-envelopes': { up: createChatEnvelopes },
  '2026-12-07-usage': { up: createUsageTables },
  'm0022-data-key-commitments': { up: addDataKeyCommitments },
  'm0023-unfit-grants': { up: createUnfitGrantTable },
  'm0025-deleted-grants': { up: barPosters },
};

async function createTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('organisation')
    .addColumn('org', 'text', (column) => column.primaryKey())
    .addColumn('pin', 'text', (column) => column.notNull())
    // A bootstrap secret makes one organisation, so that one tenant cannot take the names of others.
    .addColumn('bootstrap_sha256', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .execute();
  await db.schema
    .createTable('org_document')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('kind', 'text', (column) => column.notNull().check(sql`kind in ('root', 'policy', 'directory')`))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('org_document_pkey', ['org', 'kind', 'version'])
    .execute();
  await db.schema
    .createTable('prompt')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    // Collation C: the order of bytes, which paging and prefixes rely on.
    .addColumn('name', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull().check(sql`type in ('text', 'chat')`))
    .addColumn('latest_version', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('deleted_at', 'timestamptz')
    .execute();
  await db.schema
    .createIndex('prompt_name_key')
    .unique()
    .on('prompt')
    .columns(['org', 'name'])
    .where(sql.ref('deleted_at'), 'is', null)
    .execute();
  await db.schema
    .createIndex('prompt_deleted')
    .on('prompt')
    .columns(['org', 'name', 'id'])
    .where(sql.ref('deleted_at'), 'is not', null)
    .execute();
  await db.schema
    .createTable('prompt_version')
    .addColumn('prompt_id', 'text', (column) => column.notNull().references('prompt.id'))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('chash', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .addColumn('dek_id', 'text', (column) => column.notNull())
    .addColumn('author_kid', 'text', (column) => column.notNull())
    .addColumn('author_urn', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('prompt_version_pkey', ['prompt_id', 'version'])
    .addUniqueConstraint('prompt_version_chash_key', ['org', 'chash'])
    .execute();
  await db.schema
    .createTable('content_grant')
    .addColumn('whash', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('prompt_id', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('aud', 'text', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('poster_kid', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addForeignKeyConstraint('content_grant_version_fkey', ['prompt_id', 'version'], 'prompt_version', [
      'prompt_id',
      'version',
    ])
    // One grant for a key and version: a stored one is never overwritten.
    .addUniqueConstraint('content_grant_kid_key', ['prompt_id', 'version', 'kid'])
    .execute();
  await db.schema
    .createIndex('content_grant_of_kid')
    .on('content_grant')
    .columns(['org', 'kid', 'prompt_id', 'version'])
    .execute();
  await db.schema
    .createTable('prompt_label')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('name', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('seq', 'integer', (column) => column.notNull().check(sql`seq > 0`))
    .addColumn('prompt_id', 'text', (column) => column.notNull().references('prompt.id'))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version >= 0`))
    .addColumn('tokens', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('prompt_label_pkey', ['org', 'name', 'label', 'seq'])
    .execute();
  await db.schema
    .createTable('envelope')
    .addColumn('jti', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('prompt_id', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('aud', 'text', (column) => column.notNull())
    .addColumn('requester_kid', 'text', (column) => column.notNull())
    .addColumn('whash', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('envelope_expires_at').on('envelope').column('expires_at').execute();
}

/** The hashes that a client folds if it was away for some versions. The earlier ones are in the documents. */
async function createDirectoryHashes(db: Kysely<Pick<VaultTables, 'directory_hash' | 'org_document'>>): Promise<void> {
  await db.schema
    .createTable('directory_hash')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('directory_hash_pkey', ['org', 'version'])
    .execute();
  const columns = ['org', 'version', 'sha256', 'created_at'] as const;
  await db
    .insertInto('directory_hash')
    .columns(columns)
    .expression((eb) => eb.selectFrom('org_document').select(columns).where('kind', '=', 'directory'))
    .execute();
}

/** Each who posted unfit bytes is barred, and who took them away first too. */
async function barPosters(db: Kysely<unknown>): Promise<void> {
  await barEachPoster(db);
  await createDeletedGrantTable(db);
}

/** Moves of protected labels that wait for the tags of further people. */
async function createApprovalTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('label_approval')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('prompt_id', 'text', (column) => column.notNull().references('prompt.id'))
    .addColumn('name', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('seq', 'integer', (column) => column.notNull().check(sql`seq > 0`))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version >= 0`))
    .addColumn('chash', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull().check(sql`state in ('open', 'done', 'dropped')`))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    // When the last of its tags ends; an open one is expired from then on, until somebody signs again.
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute();
  // A person who wants the same move adds a tag to the open approval.
  await db.schema
    .createIndex('label_approval_open_key')
    .unique()
    .on('label_approval')
    .columns(['org', 'name', 'label', 'seq', 'prompt_id', 'version', 'chash'])
    .where(sql.ref('state'), '=', 'open')
    .execute();
  await db.schema.createIndex('label_approval_of_org').on('label_approval').columns(['org', 'state', 'id']).execute();
  await db.schema
    .createTable('label_approval_tag')
    .addColumn('approval_id', 'text', (column) => column.notNull().references('label_approval.id'))
    // One person counts once, however many devices they have.
    .addColumn('user_urn', 'text', (column) => column.notNull())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('device_urn', 'text', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addPrimaryKeyConstraint('label_approval_tag_pkey', ['approval_id', 'user_urn'])
    .execute();
}

/** The names that ever had a label, for pages of the prompts that bear it. */
async function createLabelNamesIndex(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('prompt_label_names')
    .on('prompt_label')
    .columns(['org', 'label', 'name'])
    .where(sql.ref('seq'), '=', 1)
    .execute();
}
