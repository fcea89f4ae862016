import { randomBytes } from 'node:crypto';
import type { DatabaseOptions } from '@bulla/service-kit';
import { connectDatabase, EventLog } from '@bulla/service-kit';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const LOCK_TIMEOUT_MS = 500;

/** A role that a service works with and that owns none of its tables, and the superuser who troubles it. */
export interface TroubledTables {
  /** Of the database, for the service. */
  readonly url: string;
  readonly schema: string;
  /** On a connection of its own, as the superuser. */
  readonly run: (statement: string) => Promise<void>;
  /** Counts rows of each table. */
  count(tables: readonly string[]): Promise<Record<string, number>>;
  /** A table that nobody may use until this is called. */
  readonly lock: (table: string) => Promise<() => Promise<void>>;
  readonly role: string;
  /** Once the database is gone. */
  end(): Promise<void>;
}

/** Lets a new role use the tables of a service, which another owns who has also made the partition of this month. */
export async function troubledTables(
  url: string,
  { schema, migrations }: Pick<DatabaseOptions, 'schema' | 'migrations'>,
): Promise<TroubledTables> {
  const log = new EventLog({ service: schema, level: 'silent' });
  const made = connectDatabase({ from: { url }, schema, migrations, log });
  await made.migrate();
  await made.close();
  const role = `troubled_${randomBytes(6).toString('hex')}`;
  const connect = async (to = url) => {
    const client = new pg.Client({ connectionString: to, application_name: 'trouble' });
    // The database may go before this does.
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const owner = await connect();
  const server = new URL(url);
  server.pathname = '/postgres';
  // Decisions grow old by an hour, or a month ends meanwhile.
  for (const month of [-1, 0, 1]) await owner.query(partitionOf(schema, month));
  await owner.query(`
    create role ${role} login password '${role}';
    grant usage, create on schema ${schema} to ${role};
    grant select, insert, update, delete on all tables in schema ${schema} to ${role};
    grant usage on all sequences in schema ${schema} to ${role}`);
  const own = new URL(url);
  own.username = role;
  own.password = role;
  // Less than what services ask for, which their URL may overrule: nobody waits for long for what stays locked.
  own.searchParams.set('lock_timeout', String(LOCK_TIMEOUT_MS));
  return {
    url: own.href,
    schema,
    role,
    run: async (statement) => void (await owner.query(statement)),
    async count(tables) {
      const counts = tables.map((table) => `(select count(*)::int from ${schema}.${table}) as ${table}`);
      const { rows } = await owner.query<Record<string, number>>(`select ${counts.join(', ')}`);
      return rows[0] ?? {};
    },
    lock: async (table) => {
      const holder = await connect();
      await holder.query(`begin; lock table ${schema}.${table} in access exclusive mode`);
      return () => holder.end();
    },
    async end() {
      await owner.end().catch(() => undefined);
      const after = await connect(server.href);
      await after.query(`drop role ${role}`);
      await after.end();
    },
  };
}

/** Makes the partition of a month, so many after this one. */
function partitionOf(schema: string, after: number): string {
  const now = new Date();
  const firstOf = (months: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months)).toISOString();
  const name = `audit_entry_${firstOf(after).slice(0, 7).replace('-', '_')}`;
  return `create table if not exists ${schema}.${name} partition of ${schema}.audit_entry
    for values from ('${firstOf(after)}') to ('${firstOf(after + 1)}')`;
}

/** Begins a fault of one table. @returns what ends it */
export type TableFault = (tables: TroubledTables, table: string) => Promise<() => Promise<void>>;

/** Every way in which a table that was written before takes nothing. */
const TABLE_FAULTS: readonly (readonly [string, TableFault])[] = [
  [
    'is full',
    async ({ schema, run }, table) => {
      await run(`
        create or replace function ${schema}.full_up() returns trigger language plpgsql as
          $$ begin raise exception using errcode = '53100', message = 'the disk is full'; end $$;
        create trigger full_up before insert or update on ${schema}.${table} execute function ${schema}.full_up()`);
      return () => run(`drop trigger full_up on ${schema}.${table}`);
    },
  ],
  ['is locked by another session', ({ lock }, table) => lock(table)],
  [
    'may not be written by the role',
    async ({ schema, role, run }, table) => {
      await run(`revoke insert, update on ${schema}.${table} from ${role}`);
      return () => run(`grant insert, update on ${schema}.${table} to ${role}`);
    },
  ],
];

/** Of the table where decisions wait: all of the above, and a database that is read-only as a whole. */
export const OUTBOX_ROWS: typeof TABLE_FAULTS = [
  ...TABLE_FAULTS,
  [
    'is read-only with its database',
    async ({ role, run }) => {
      await run(`alter role ${role} set default_transaction_read_only = on`);
      await run(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
      return async () => {
        await run(`alter role ${role} reset default_transaction_read_only`);
        // Connections that were made meanwhile are closed once in a second.
        await pause(1_100);
      };
    },
  ],
];

/** Of each table of the log itself. */
export const LAG_ROWS: readonly (readonly [table: string, how: string, TableFault])[] = [
  'audit_log',
  'audit_entry',
  'audit_tile',
].flatMap((table) => TABLE_FAULTS.map(([how, fault]) => [table, how, fault] as const));
