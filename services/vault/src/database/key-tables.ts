import type { Kysely, SelectQueryNode, TableNode } from 'kysely';
import { sql } from 'kysely';
import { createJobTable } from './job-table.js';
import type { VaultTables } from './types.js';

/** Uses of one KEK at most: far from where random nonces of AES-GCM may meet (SP 800-38D §8.3). */
export const KEK_USES_MAX = 2 ** 30;

/**
 * Root keys by name, the keys of organisations under them, and the data keys under those. States are those of SP 800-57
 * part 1: what the tables refuse no program can do (docs/decisions/2026-12-05-keys-at-rest.md).
 */
export async function createKeyTables(db: Kysely<VaultTables>): Promise<void> {
  await createRootKeys(db);
  await createKeks(db);
  await createWraps(db);
  await createRules(db);
  await createJobTable(db);
}

async function createRootKeys(db: Kysely<VaultTables>): Promise<void> {
  await db.schema
    .createTable('root_key')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('check_value', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) =>
      column.notNull().check(sql`state in ('pre-active', 'active', 'deactivated')`),
    )
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('activated_at', 'timestamptz')
    .addColumn('deactivated_at', 'timestamptz')
    .addCheckConstraint('root_key_activated', sql`(activated_at is null) = (state = 'pre-active')`)
    .addCheckConstraint('root_key_deactivated', sql`(deactivated_at is null) = (state <> 'deactivated')`)
    .execute();
  await db.schema
    .createIndex('root_key_active_key')
    .unique()
    .on('root_key')
    .column('state')
    .where(sql.ref('state'), '=', 'active')
    .execute();
  await db.schema
    .createTable('vault_process')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('root_kids', sql`text[]`, (column) => column.notNull())
    .addColumn('seen_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .execute();
}

async function createKeks(db: Kysely<VaultTables>): Promise<void> {
  await db.schema
    .createTable('kek')
    .addColumn('org', 'text', (column) => column.notNull().references('organisation.org'))
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('state', 'text', (column) =>
      column.notNull().check(sql`state in ('pre-active', 'active', 'deactivated', 'destroyed')`),
    )
    .addColumn('root_kid', 'text', (column) => column.notNull().references('root_key.kid'))
    .addColumn('wrapped', 'text', (column) => column.check(sql`length(wrapped) <= 4096`))
    .addColumn('uses_reserved', 'bigint', (column) =>
      column
        .notNull()
        .defaultTo(0)
        .check(sql`uses_reserved between 0 and ${sql.lit(KEK_USES_MAX)}`),
    )
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('activated_at', 'timestamptz')
    .addColumn('deactivated_at', 'timestamptz')
    .addColumn('emptied_at', 'timestamptz')
    .addColumn('destroyed_at', 'timestamptz')
    .addPrimaryKeyConstraint('kek_pkey', ['org', 'version'])
    .addCheckConstraint('kek_wrapped', sql`(wrapped is null) = (state = 'destroyed')`)
    .addCheckConstraint('kek_activated', sql`activated_at is not null or state in ('pre-active', 'destroyed')`)
    .addCheckConstraint('kek_deactivated', sql`(deactivated_at is null) = (state in ('pre-active', 'active'))`)
    .addCheckConstraint('kek_destroyed', sql`(destroyed_at is null) = (state <> 'destroyed')`)
    .execute();
  await db.schema
    .createIndex('kek_active_key')
    .unique()
    .on('kek')
    .column('org')
    .where(sql.ref('state'), '=', 'active')
    .execute();
  await db.schema
    .createIndex('kek_of_root')
    .on('kek')
    .columns(['root_kid', 'org', 'version'])
    .where(sql.ref('state'), '<>', 'destroyed')
    .execute();
}

async function createWraps(db: Kysely<VaultTables>): Promise<void> {
  await db.schema
    .createTable('kek_wrap')
    .addColumn('prompt_id', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('org', 'text', (column) => column.notNull())
    .addColumn('kek_version', 'integer', (column) => column.notNull())
    .addColumn('wrap', 'text', (column) => column.notNull().check(sql`length(wrap) <= 4096`))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('kek_wrap_pkey', ['prompt_id', 'version'])
    .addForeignKeyConstraint('kek_wrap_version_fkey', ['prompt_id', 'version'], 'prompt_version', [
      'prompt_id',
      'version',
    ])
    .addForeignKeyConstraint('kek_wrap_kek_fkey', ['org', 'kek_version'], 'kek', ['org', 'version'])
    .execute();
  await db.schema
    .createIndex('kek_wrap_of_kek')
    .on('kek_wrap')
    .columns(['org', 'kek_version', 'prompt_id', 'version'])
    .execute();
}

/**
 * What no check of one row can say. A wrap that goes in, or goes under another KEK, holds the row of its KEK until it is
 * committed, so that a KEK is not deactivated beneath it; a KEK holds that of its root key in the same way; and a KEK that
 * is destroyed has no wraps by then.
 */
async function createRules(db: Kysely<VaultTables>): Promise<void> {
  const schema = schemaOf(db);
  const name = (of: string) => (schema === undefined ? sql.id(of) : sql.id(schema, of));
  await sql`create function ${name('kek_wrap_under_active')}() returns trigger language plpgsql as $rule$
    declare active boolean;
    begin
      select state = 'active' into active from ${name('kek')}
        where org = new.org and version = new.kek_version for share;
      if active is not true then
        raise exception 'the KEK of this wrap is not active' using errcode = 'check_violation', constraint = 'kek_wrap_under_active';
      end if;
      return new;
    end $rule$`.execute(db);
  await sql`create trigger kek_wrap_under_active before insert or update of org, kek_version, wrap on ${name('kek_wrap')}
    for each row execute function ${name('kek_wrap_under_active')}()`.execute(db);
  await sql`create function ${name('root_key_states')}() returns trigger language plpgsql as $rule$
    begin
      if (old.state, new.state) not in (('pre-active', 'active'), ('active', 'deactivated')) then
        raise exception 'a root key does not go from % to %', old.state, new.state using errcode = 'check_violation', constraint = 'root_key_states';
      end if;
      return new;
    end $rule$`.execute(db);
  await sql`create trigger root_key_states before update of state on ${name('root_key')}
    for each row when (old.state <> new.state) execute function ${name('root_key_states')}()`.execute(db);
  await sql`create function ${name('kek_under_active_root')}() returns trigger language plpgsql as $rule$
    declare active boolean;
    begin
      select state = 'active' into active from ${name('root_key')} where kid = new.root_kid for share;
      if active is not true then
        raise exception 'the root key of this KEK is not active' using errcode = 'check_violation', constraint = 'kek_under_active_root';
      end if;
      return new;
    end $rule$`.execute(db);
  await sql`create trigger kek_under_active_root before insert or update of org, version, root_kid on ${name('kek')}
    for each row execute function ${name('kek_under_active_root')}()`.execute(db);
  await sql`create function ${name('kek_states')}() returns trigger language plpgsql as $rule$
    begin
      if (old.state, new.state) not in (('pre-active', 'active'), ('pre-active', 'destroyed'),
          ('active', 'deactivated'), ('deactivated', 'destroyed')) then
        raise exception 'a KEK does not go from % to %', old.state, new.state using errcode = 'check_violation', constraint = 'kek_states';
      end if;
      if new.state = 'destroyed' and exists (
          select from ${name('kek_wrap')} where org = old.org and kek_version = old.version) then
        raise exception 'there are data keys under this KEK' using errcode = 'check_violation', constraint = 'kek_states';
      end if;
      return new;
    end $rule$`.execute(db);
  await sql`create trigger kek_states before update of state on ${name('kek')}
    for each row when (old.state <> new.state) execute function ${name('kek_states')}()`.execute(db);
}

/** Where the tables are: a function's body is text, which no builder looks into. */
function schemaOf(db: Kysely<VaultTables>): string | undefined {
  const query = db.selectFrom('kek').selectAll().compile().query as SelectQueryNode;
  return (query.from?.froms[0] as TableNode | undefined)?.table.schema?.name;
}
