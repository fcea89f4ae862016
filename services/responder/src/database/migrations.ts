import { ledgerMigrations } from '@bulla/service-kit';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ResponderTables } from './types.js';
import { createTriedGrantTable } from './tried-grant-table.js';
import { createUsageTables } from './usage-tables.js';

/** Tables of the responder, in the order in which they came. A migration that was released is never changed. */
export const responderMigrations: Readonly<Record<string, Migration>> = {
  ...ledgerMigrations,
  '2026-11-25-responder': { up: createTables },
  '2026-11-25-restore-mark': { up: createRestoreMark },
  '2026-12-02-time': { up: rememberLonger },
  '2026-12-07-usage': { up: createUsageTables },
  'm0024-tried-grants': { up: createTriedGrantTable },
};

async function createTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('invocation')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('iss', 'text', (column) => column.notNull())
    .addColumn('jti', 'text', (column) => column.notNull())
    .addColumn('rh', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) =>
      column.notNull().check(sql`state in ('accepted', 'running', 'sealed', 'indeterminate')`),
    )
    .addColumn('fence', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('heartbeat', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('reply', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('ended_at', 'timestamptz')
    .addPrimaryKeyConstraint('invocation_pkey', ['iss', 'jti'])
    .execute();
  await db.schema.createIndex('invocation_created_at').on('invocation').column('created_at').execute();
  await db.schema
    .createIndex('invocation_reply_ended_at')
    .on('invocation')
    .column('ended_at')
    .where(sql.ref('reply'), 'is not', null)
    .execute();
  await db.schema
    .createTable('envelope_use')
    .addColumn('env_jti', 'text', (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('uses', 'integer', (column) => column.notNull())
    .addColumn('max', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addCheckConstraint('envelope_use_limit', sql`uses <= max`)
    .execute();
  await db.schema.createIndex('envelope_use_expires_at').on('envelope_use').column('expires_at').execute();
  await db.schema
    .createTable('seen_document')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull().check(sql`kind in ('root', 'policy', 'directory')`))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('memory', 'jsonb')
    .addPrimaryKeyConstraint('seen_document_pkey', ['org', 'kind'])
    .addCheckConstraint('seen_document_memory', sql`(kind = 'directory') = (memory is not null)`)
    .execute();
}

async function createRestoreMark(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('restore_mark')
    .addColumn('org', 'text', (column) => column.primaryKey())
    .addColumn('place', 'text', (column) => column.notNull())
    .addColumn('written_by', sql`xid8`, (column) => column.notNull())
    .addColumn('not_before', 'timestamptz', (column) => column.notNull())
    .execute();
}

/** Uses that are there already are kept as long as those that come from now on, and marks are counted. */
async function rememberLonger(db: Kysely<ResponderTables>): Promise<void> {
  await db.updateTable('envelope_use').set({ expires_at: sql`expires_at + interval '24 hours'` }).execute();
  await db.schema
    .alterTable('restore_mark')
    .addColumn('generation', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
}
