import type { ColumnType } from 'kysely';
import { sql } from 'kysely';

/** What a row of `restore_mark` says of where, and by which transaction, it was written: it fits nowhere else and no earlier. */
export interface RestoreMarkTable {
  org: string;
  /** Cluster, timeline and database. */
  place: ColumnType<string, string, string>;
  /** The transaction that wrote the row, an xid8. */
  written_by: ColumnType<string, string, string>;
}

/**
 * Which cluster, which of its timelines, which database. A promoted standby and a recovery to a point in time begin a
 * timeline, a dump has another cluster or database to go to. None of it needs a superuser.
 */
const place = sql<string>`concat_ws('/',
  (select system_identifier from pg_control_system()),
  left(pg_walfile_name(pg_current_wal_lsn()), 8),
  (select oid from pg_database where datname = current_database()))`;

/**
 * Whether the row of `restore_mark` stands where, and is what, we wrote: a dump that is read back writes it by another
 * transaction than the one it names, also into the database that it came from.
 */
export const isMarkOurs = sql<boolean>`restore_mark.place = ${place}
  and restore_mark.xmin = restore_mark.written_by::xid`;

/** What a mark says that is written now, by a transaction without a savepoint before it. */
export const markOfNow = { place, written_by: sql<string>`pg_current_xact_id()` };
