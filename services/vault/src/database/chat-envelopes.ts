import type { Kysely } from 'kysely';
import { sql } from 'kysely';

/** Envelopes without a prompt, and which of those for several questions a device has. */
export async function createChatEnvelopes(db: Kysely<unknown>): Promise<void> {
  const ofPrompts = ['prompt_id', 'version', 'whash'] as const;
  for (const column of ofPrompts)
    await db.schema
      .alterTable('envelope')
      .alterColumn(column, (change) => change.dropNotNull())
      .execute();
  await db.schema
    .alterTable('envelope')
    .addCheckConstraint('envelope_of_prompt_or_chat', sql`num_nulls(prompt_id, version, whash) in (0, 3)`)
    .execute();
  await db.schema
    .createTable('held_chat_envelopes')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('envelopes', 'jsonb', (column) => column.notNull().check(sql`jsonb_array_length(envelopes) <= 2`))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('held_chat_envelopes_pkey', ['org', 'device'])
    .execute();
  await db.schema
    .createIndex('held_chat_envelopes_expires_at')
    .on('held_chat_envelopes')
    .column('expires_at')
    .execute();
}
