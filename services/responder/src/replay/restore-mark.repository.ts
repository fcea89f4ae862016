import { SKEW_SECONDS } from '@bulla/crypto';
import { isMarkOurs, markOfNow } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';

/** Seconds; what was signed at or after it may be run. */
export const notBefore = sql<number>`ceil(extract(epoch from restore_mark.not_before))::int8`;

/** Whether that lies further ahead than any mark was made: the clock of the database was wrong, and is right now. */
export const isAhead = sql<boolean>`restore_mark.not_before > clock_timestamp() + make_interval(secs => ${SKEW_SECONDS})`;

/** Which transaction wrote the mark, and where. */
export const markId = sql<string>`restore_mark.written_by || ' ' || restore_mark.place`;

/** Which mark a database bears. */
export interface Mark {
  /** Counts the marks, also from one database to the next. */
  readonly generation: number;
  /** Two databases may have gone on from one mark, each for itself. */
  readonly id: string;
}

/** A mark that was made. */
export interface Renewal {
  /** Seconds. */
  readonly notBefore: number;
  /** Whether the database had none. */
  readonly isNew: boolean;
  readonly mark: Mark;
}

/** Remembers in the database where it is, so that it is noticed when it is another one (protocol.md §6). */
@Injectable()
export class RestoreMarkRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /**
   * Marks the database unless its mark is ours and as new as the newest we know; has to be a transaction of its own. A
   * database without a mark is new: what was issued before it was there is refused. One whose mark is not ours was restored
   * or promoted: what may have been issued before this moment, by any clock, is refused.
   * @param newest that a process has worked with.
   * @returns what was done, or undefined where nothing was to do
   */
  async renew(org: string, newest?: Mark): Promise<Renewal | undefined> {
    const { generation = 0, id = '' } = newest ?? {};
    const isOlder = sql<boolean>`restore_mark.generation <= ${generation}::int and ${markId} <> ${id}::text`;
    const row = await this.db
      .insertInto('restore_mark')
      .values({ org, ...markOfNow, not_before: sql<Date>`date_trunc('second', now())` })
      .onConflict((conflict) =>
        conflict
          .column('org')
          .doUpdateSet((eb) => ({
            place: eb.ref('excluded.place'),
            written_by: eb.ref('excluded.written_by'),
            generation: sql<number>`greatest(restore_mark.generation, ${generation}::int) + 1`,
            not_before: sql<Date>`now() + make_interval(secs => ${SKEW_SECONDS})`,
          }))
          .where(sql<boolean>`not (${isMarkOurs}) or (${isOlder})`),
      )
      .returning([notBefore.as('notBefore'), sql<boolean>`restore_mark.xmax = 0`.as('isNew')])
      .returning(['restore_mark.generation as generation', markId.as('id')])
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const { generation: counted, id: written, ...renewal } = row;
    return { ...renewal, mark: { generation: counted, id: written } };
  }

  /**
   * Sets a mark of ours that lies ahead to the furthest moment that one is made for: now and the skew. What was issued
   * until then is still not run.
   * @returns that moment, in seconds; undefined where nothing was to do
   */
  async correct(org: string): Promise<number | undefined> {
    const corrected = await this.db
      .updateTable('restore_mark')
      .set({
        written_by: markOfNow.written_by,
        generation: sql<number>`generation + 1`,
        not_before: sql<Date>`now() + make_interval(secs => ${SKEW_SECONDS})`,
      })
      .where('org', '=', org)
      .where(isMarkOurs)
      .where(isAhead)
      .returning(notBefore.as('notBefore'))
      .executeTakeFirst();
    return corrected?.notBefore;
  }
}
