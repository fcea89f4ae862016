import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Invitations, and the requests of devices that took them. */
export async function createPeopleTables(db: Kysely<unknown>): Promise<void> {
  const now = sql`now()`;
  await db.schema
    .createTable('invitation')
    .addColumn('id', sql`text collate "C"`, (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('ticket_sha256', 'text', (column) => column.notNull())
    .addColumn('roles', 'jsonb', (column) => column.notNull())
    .addColumn('groups', 'jsonb', (column) => column.notNull())
    .addColumn('user_urn', 'text', (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('taken_at', 'timestamptz')
    .addColumn('deleted_at', 'timestamptz')
    .execute();
  await db.schema.createIndex('invitation_of_org').on('invitation').columns(['org', 'id']).execute();
  await db.schema.createIndex('invitation_expires_at').on('invitation').column('expires_at').execute();
  await db.schema
    .createTable('enrolment')
    .addColumn('id', sql`text collate "C"`, (column) => column.primaryKey())
    .addColumn('org', 'text', (column) => column.notNull())
    // One invitation, one enrolment. A request is forgotten with its invitation.
    .addColumn('invitation', sql`text collate "C"`, (column) =>
      column.notNull().unique().references('invitation.id').onDelete('cascade'),
    )
    .addColumn('sig_kid', 'text', (column) => column.notNull())
    .addColumn('enc_kid', 'text', (column) => column.notNull())
    .addColumn('request', 'jsonb', (column) => column.notNull())
    .addColumn('state', 'text', (column) =>
      column.notNull().defaultTo('pending').check(sql`state in ('pending', 'approved', 'refused')`),
    )
    .addColumn('device', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(now))
    // A request names a device if it is approved, and only then.
    .addCheckConstraint('enrolment_device', sql`(state = 'approved') = (device is not null)`)
    .execute();
  await db.schema.createIndex('enrolment_of_org').on('enrolment').columns(['org', 'state', 'id']).execute();
}
