import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';

/** How far the clock of whoever signed may be ahead of the database's, whatever the policy says (protocol.md §2.1). */
const SKEW_SECONDS = 60;

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

/** Seconds; what was signed at or after it may be run. */
export const notBefore = sql<number>`ceil(extract(epoch from restore_mark.not_before))::int8`;

/** A mark that was made. */
export interface Renewal {
  /** Seconds. */
  readonly notBefore: number;
  /** Whether the database had none. */
  readonly isNew: boolean;
}

/** Remembers in the database where it is, so that it is noticed when it is another one (protocol.md §6). */
@Injectable()
export class RestoreMarkRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /**
   * Marks the database unless its mark is ours; has to be a transaction of its own. A database without a mark is new:
   * what was issued before it was there is refused. One whose mark is not ours was restored or promoted: what may have
   * been issued before this moment is refused, by whatever clock.
   * @returns what was done, or undefined where nothing was to do
   */
  renew(org: string): Promise<Renewal | undefined> {
    return this.db
      .insertInto('restore_mark')
      .values({ org, place, written_by: sql`pg_current_xact_id()`, not_before: sql<Date>`date_trunc('second', now())` })
      .onConflict((conflict) =>
        conflict
          .column('org')
          .doUpdateSet((eb) => ({
            place: eb.ref('excluded.place'),
            written_by: eb.ref('excluded.written_by'),
            not_before: sql<Date>`now() + make_interval(secs => ${SKEW_SECONDS})`,
          }))
          .where(sql<boolean>`not (${isMarkOurs})`),
      )
      .returning([notBefore.as('notBefore'), sql<boolean>`restore_mark.xmax = 0`.as('isNew')])
      .executeTakeFirst();
  }
}
