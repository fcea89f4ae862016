import { isMarkOurs, markOfNow } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';

/** How far the clock of whoever signed may be ahead of the database's, whatever the policy says (protocol.md §2.1). */
const SKEW_SECONDS = 60;

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
      .values({ org, ...markOfNow, not_before: sql<Date>`date_trunc('second', now())` })
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
