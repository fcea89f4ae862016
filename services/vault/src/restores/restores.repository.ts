import { isMarkOurs, markOfNow } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

/** What a mark says of an organisation. */
export interface Standing {
  /** Whether the rows are where, and what, this vault wrote. */
  readonly isOurs: boolean;
  /** When it was noticed that they were restored, as long as nobody has said that all is back. */
  readonly restoredAt: Date | null;
  /** Names this mark: another one was written after a restore. */
  readonly mark: string;
}

@Injectable()
export class RestoresRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Undefined for an organisation that is not here, or was never marked. */
  async find(org: string, source: VaultSource = this.database.db): Promise<Standing | undefined> {
    return source
      .selectFrom('organisation')
      .innerJoin('restore_mark', 'restore_mark.org', 'organisation.org')
      .select('organisation.restored_at as restoredAt')
      .select([isMarkOurs.as('isOurs'), sql<string>`restore_mark.written_by::text`.as('mark')])
      .where('organisation.org', '=', org) // guard: org-restored
      .executeTakeFirst();
  }

  /**
   * Marks organisations whose mark is missing or not ours, in a transaction of its own: of many that notice it together
   * one writes. Those that had another mark were restored; those without one are from before there were marks.
   * @param org one of them; all unless given
   * @returns those that were restored
   */
  renew(org?: string): Promise<readonly string[]> {
    return this.database.db.transaction().execute(async (trx) => {
      const all = trx.selectFrom('organisation').select('org');
      const some = org === undefined ? all : all.where('org', '=', org);
      const marked = await trx
        .insertInto('restore_mark')
        .columns(['org', 'place', 'written_by'])
        .expression(some.select([markOfNow.place.as('place'), markOfNow.written_by.as('written_by')]))
        .onConflict((conflict) =>
          conflict
            .column('org')
            .doUpdateSet((eb) => ({ place: eb.ref('excluded.place'), written_by: eb.ref('excluded.written_by') }))
            .where(sql<boolean>`not (${isMarkOurs})`),
        )
        .returning(['org', sql<boolean>`restore_mark.xmax = 0`.as('isNew')])
        .execute();
      const restored = marked.filter(({ isNew }) => !isNew).map((row) => row.org);
      if (restored.length > 0)
        await trx
          .updateTable('organisation')
          .set({ restored_at: sql<Date>`now()` })
          .where('org', 'in', restored)
          .execute();
      return restored;
    });
  }

  /** Ends the time after a restore. False if there is none. */
  async resume(trx: VaultTransaction, org: string): Promise<boolean> {
    const result = await trx
      .updateTable('organisation')
      .set({ restored_at: null })
      .where('org', '=', org) // guard: org-resume
      .where('restored_at', 'is not', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Holds the organisation until the transaction ends: who hands back next, publishes or resumes waits. */
  async hold(trx: VaultTransaction, org: string): Promise<void> {
    await trx.selectFrom('organisation').select('org').where('org', '=', org).forNoKeyUpdate().execute();
  }
}
