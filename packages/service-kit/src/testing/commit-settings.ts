import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** More than a pool has, and slow, so that each connection that there may be is taken by one. */
const CONNECTIONS = 12;

/**
 * What `synchronous_commit` is when rows come to a table, on connections of a pooler that left it off.
 * @param table with its schema; a table `seen` beside it is made for that, and dropped
 * @param work brings the rows.
 */
export async function commitSettings(
  db: Kysely<never>,
  table: string,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const [schema = ''] = table.split('.');
  const seen = sql.table(`${schema}.seen`);
  const look = sql.id(schema, 'look');
  await sql`create table ${seen} (setting text)`.execute(db);
  await sql`create function ${look}() returns trigger language plpgsql as ${sql.lit(
    `begin insert into "${schema}".seen values (current_setting('synchronous_commit')); return new; end`,
  )}`.execute(db);
  await sql`create trigger look before insert on ${sql.table(table)} for each row execute function ${look}()`.execute(
    db,
  );
  const setAll = (to: string) =>
    Promise.all(
      Array.from({ length: CONNECTIONS }, () =>
        sql`select set_config('synchronous_commit', ${to}, false), pg_sleep(0.1)`.execute(db),
      ),
    );
  await setAll('off');
  await work();
  await setAll('on');
  const { rows } = await sql<{ setting: string }>`select setting from ${seen}`.execute(db);
  await sql`drop function ${look}() cascade`.execute(db);
  await sql`drop table ${seen}`.execute(db);
  return rows.map(({ setting }) => setting);
}
