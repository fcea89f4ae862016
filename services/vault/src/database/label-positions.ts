import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from './types.js';

/** What a token says in its part `n`, as JSON. */
const partOf = (token: string, n: 1 | 2) => {
  const part = `split_part(${token}, '.', ${n})`;
  const base64 = `translate(${part}, '-_', '+/') || repeat('=', (4 - length(${part}) % 4) % 4)`;
  return `convert_from(decode(${base64}, 'base64'), 'UTF8')::jsonb`;
};

/** The tables as they are while this runs. */
interface Before {
  prompt_label: Pick<VaultTables['prompt_label'], 'org' | 'name' | 'label' | 'seq' | 'chash' | 'created_at'> & {
    tokens: string[];
  };
  prompt_label_tag: VaultTables['prompt_label_tag'];
  label_approval: VaultTables['label_approval'];
}

/**
 * Positions that name the one before, and every tag of each. What was signed before has no `pos`: it stays readable as it
 * was signed, and the first position after it is a beginning.
 */
export async function createLabelPositions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('prompt_label')
    .addColumn('chash', 'text', (column) => column.notNull().defaultTo(''))
    .addColumn('pos', 'text')
    .addColumn('prev', 'text')
    .addColumn('prev_seq', 'integer', (column) => column.generatedAlwaysAs(sql`seq - 1`).stored())
    .execute();
  await db.schema
    .alterTable('prompt_label')
    .addUniqueConstraint('prompt_label_pos_key', ['org', 'name', 'label', 'seq', 'pos'])
    .execute();
  // A position that names one before has it in this table, under the number before.
  await db.schema
    .alterTable('prompt_label')
    .addForeignKeyConstraint('prompt_label_prev_fkey', ['org', 'name', 'label', 'prev_seq', 'prev'], 'prompt_label', [
      'org',
      'name',
      'label',
      'seq',
      'pos',
    ])
    .execute();
  await db.schema
    .createTable('prompt_label_tag')
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('name', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('label', 'text', (column) => column.notNull())
    .addColumn('seq', 'integer', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('device_urn', 'text', (column) => column.notNull())
    .addColumn('kid', 'text', (column) => column.notNull())
    .addColumn('issued_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('prompt_label_tag_pkey', ['org', 'name', 'label', 'seq', 'sha256'])
    .addForeignKeyConstraint('prompt_label_tag_position_fkey', ['org', 'name', 'label', 'seq'], 'prompt_label', [
      'org',
      'name',
      'label',
      'seq',
    ])
    .execute();
  await keepTags(db);
  await db.schema.alterTable('prompt_label').dropColumn('tokens').execute();
  await createPositionApprovals(db);
}

/** The earlier tags, one in a row, and what content they name. */
async function keepTags(db: Kysely<Before>): Promise<void> {
  const [header, says, named] = [partOf('token', 1), partOf('token', 2), partOf('(tokens ->> 0)', 2)];
  const text = (expression: string) => sql<string>`${sql.raw(expression)}`;
  const moment = (member: string) => sql<Date>`to_timestamp((${sql.raw(says)} ->> ${sql.lit(member)})::float8)`;
  const signed = db
    .selectFrom('prompt_label')
    .select(['org', 'name', 'label', 'seq', 'created_at', text('jsonb_array_elements_text(tokens)').as('token')]);
  await db
    .insertInto('prompt_label_tag')
    .columns([
      'org',
      'name',
      'label',
      'seq',
      'created_at',
      'token',
      'sha256',
      'device_urn',
      'kid',
      'issued_at',
      'expires_at',
    ])
    .expression(
      db
        .selectFrom(signed.as('signed'))
        .select(['org', 'name', 'label', 'seq', 'created_at', 'token'])
        .select([
          text("encode(sha256(convert_to(token, 'UTF8')), 'hex')").as('sha256'),
          text(`${says} ->> 'iss'`).as('device_urn'),
          text(`${header} ->> 'kid'`).as('kid'),
          moment('iat').as('issued_at'),
          moment('exp').as('expires_at'),
        ]),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db
    .updateTable('prompt_label')
    .set({ chash: text(`${named} ->> 'chash'`) })
    .where(sql<boolean>`jsonb_array_length(tokens) > 0`)
    .execute();
}

/** What waits, waits for one position; what waited before was for none and has ended. */
async function createPositionApprovals(db: Kysely<unknown>): Promise<void> {
  await (db as Kysely<Before>)
    .updateTable('label_approval')
    .set({ state: 'dropped' })
    .where('state', '=', 'open')
    .execute();
  await db.schema
    .alterTable('label_approval')
    .addColumn('pos', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await db.schema.dropIndex('label_approval_open_key').execute();
  await db.schema
    .createIndex('label_approval_open_key')
    .unique()
    .on('label_approval')
    .columns(['org', 'name', 'label', 'pos'])
    .where(sql.ref('state'), '=', 'open')
    .execute();
}
