import type { Database } from '@bulla/service-kit';
import { sql } from 'kysely';
import type { VaultTables } from '../src/index.js';

// A backup of a vault's rows, and reading it back: as a dump that is read into the database that it came from.

/** Rows of each table, as JSON. */
export type Backup = ReadonlyMap<string, string>;

const SCHEMA = 'vault';

export async function backUp({ db }: Database<VaultTables>): Promise<Backup> {
  // A partition comes with its whole.
  const { rows } = await sql<{ name: string }>`select relname as name from pg_class
    where relnamespace = ${SCHEMA}::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname not like 'kysely%' order by relname`.execute(db);
  const backup = new Map<string, string>();
  for (const { name } of rows) {
    const table = sql.table(`${SCHEMA}.${name}`);
    const read = sql<{ rows: string }>`select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as rows from ${table} t`;
    backup.set(name, (await read.execute(db)).rows[0]?.rows ?? '[]');
  }
  return backup;
}

export async function restore({ db }: Database<VaultTables>, backup: Backup): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // Rows come in the order of their tables' names, as they would from a dump: references are checked by nobody.
    await sql`set local session_replication_role = replica`.execute(trx);
    for (const [name, rows] of backup) {
      const table = sql.table(`${SCHEMA}.${name}`);
      const { rows: columns } = await sql<{ name: string }>`select column_name as name from information_schema.columns
        where table_schema = ${SCHEMA} and table_name = ${name} and is_generated = 'NEVER'`.execute(trx);
      const list = sql.join(columns.map((column) => sql.ref(column.name)));
      await sql`delete from ${table}`.execute(trx);
      await sql`insert into ${table} (${list}) overriding system value
        select ${list} from jsonb_populate_recordset(null::${table}, ${rows}::jsonb)`.execute(trx);
    }
  });
}

/** Writes marks again word for word, as a dump does: nothing else is lost. */
export async function rewriteMarks(database: Database<VaultTables>): Promise<void> {
  const rows = (await backUp(database)).get('restore_mark') ?? '[]';
  await restore(database, new Map([['restore_mark', rows]]));
}
