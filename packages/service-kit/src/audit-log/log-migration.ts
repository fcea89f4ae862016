import { LOG_ENTRY_MAX_BYTES } from '@bulla/crypto/log';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LogTables } from './log-tables.js';

/** The table that was there before the log. */
interface Before {
  audit_event: { id: number; org: string | null; at: Date; event: unknown; request_id: string | null };
}

/** Makes the log's tables. What was recorded before comes to the outbox, and so into the log. */
export async function createLogTables(db: Kysely<LogTables & Before>): Promise<void> {
  await db.schema.alterTable('audit_event').renameTo('audit_event_before').execute();
  await createOutbox(db);
  await createLogs(db);
  await createEntries(db);
  await keepEvents(db as never);
  await db.schema.dropTable('audit_event_before').execute();
  await createView(db);
}

async function createOutbox(db: Kysely<LogTables>): Promise<void> {
  await db.schema
    .createTable('audit_outbox')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('id', 'bigint', (column) => column.notNull().generatedAlwaysAsIdentity())
    .addColumn('at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('leaf', 'bytea', (column) =>
      column.notNull().check(sql`octet_length(leaf) <= ${sql.lit(LOG_ENTRY_MAX_BYTES)}`),
    )
    .addColumn('evidence', 'text')
    .addPrimaryKeyConstraint('audit_outbox_pkey', ['org', 'id'])
    .execute();
}

async function createLogs(db: Kysely<LogTables>): Promise<void> {
  await db.schema
    .createTable('audit_log')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('log', 'integer', (column) => column.notNull().check(sql`log > 0`))
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull().check(sql`size >= 0`))
    .addColumn('frontier', 'bytea', (column) => column.notNull())
    .addColumn('root', 'bytea', (column) => column.notNull().check(sql`octet_length(root) = 32`))
    .addColumn('checkpoint', 'text')
    .addColumn('checkpoint_size', 'bigint', (column) => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('audit_log_pkey', ['org', 'log'])
    .addCheckConstraint('audit_log_signed', sql`checkpoint_size <= size`)
    .execute();
  await db.schema
    .createTable('audit_tile')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('level', 'smallint', (column) => column.notNull())
    .addColumn('idx', 'bigint', (column) => column.notNull())
    .addColumn('hashes', 'bytea', (column) =>
      column.notNull().check(sql`octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0`),
    )
    .addPrimaryKeyConstraint('audit_tile_pkey', ['org', 'log', 'level', 'idx'])
    .addForeignKeyConstraint('audit_tile_log_fkey', ['org', 'log'], 'audit_log', ['org', 'log'])
    .execute();
}

async function createEntries(db: Kysely<LogTables>): Promise<void> {
  await db.schema
    .createTable('audit_entry')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('log', 'integer', (column) => column.notNull())
    .addColumn('idx', 'bigint', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('leaf', 'bytea', (column) => column.notNull())
    .addColumn('evidence', 'text')
    .addColumn('act', 'text', (column) => column.notNull())
    .addColumn('res', 'text', (column) => column.notNull())
    .addColumn('kid', 'text')
    .addColumn('objects', sql`text[]`, (column) => column.notNull())
    .modifyEnd(sql`partition by range (at)`)
    .execute();
  const index = (name: string) => db.schema.createIndex(name).on('audit_entry');
  // A unique key of a partitioned table has its column: that an index stands once is for the head's fence to see to. It is
  // no constraint: `pg_restore --clean` fails at those of partitions.
  await index('audit_entry_key').unique().columns(['org', 'log', 'idx', 'at']).execute();
  await index('audit_entry_act').columns(['org', 'log', 'act', 'idx']).execute();
  await index('audit_entry_kid').columns(['org', 'log', 'kid', 'idx']).execute();
  await index('audit_entry_at').columns(['org', 'log', 'at']).execute();
  await index('audit_entry_refused').columns(['org', 'log', 'res', 'idx']).where(sql.ref('res'), '<>', 'ok').execute();
  await index('audit_entry_objects').using('gin').column('objects').execute();
}

/** Events had no id of their own: their number becomes one. Those of strangers go to the organisation that there is. */
async function keepEvents(db: Kysely<LogTables & { audit_event_before: Before['audit_event'] }>): Promise<void> {
  const some = db.selectFrom('audit_event_before').select('org').where('org', 'is not', null).orderBy('org').limit(1);
  const org = sql<string>`coalesce(org, ${some})`;
  const leaf = sql<Uint8Array>`convert_to((event || jsonb_strip_nulls(jsonb_build_object(
    'id', 'aud_' || lpad(id::text, 26, '0'),
    't', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'org', ${org}, 'rid', request_id)))::text, 'UTF8')`;
  await db
    .insertInto('audit_outbox')
    .columns(['org', 'at', 'leaf'])
    .expression(
      db
        .selectFrom('audit_event_before')
        .select([org.as('org'), 'at', leaf.as('leaf')])
        .where(org, 'is not', null)
        .orderBy('id'),
    )
    .execute();
}

/** For people who look into the database: commands read the log itself. */
async function createView(db: Kysely<LogTables>): Promise<void> {
  const event = sql`convert_from(leaf, 'UTF8')::jsonb`;
  const columns = [
    sql`${event} - array['id', 't', 'org', 'rid']`.as('event'),
    sql<string>`${event} ->> 'rid'`.as('request_id'),
  ] as const;
  await db.schema
    .createView('audit_event')
    .as(
      db
        .selectFrom('audit_entry')
        .select(['org', 'at', ...columns])
        .where('act', '<>', 'log.begin')
        .unionAll(db.selectFrom('audit_outbox').select(['org', 'at', ...columns])),
    )
    .execute();
}
