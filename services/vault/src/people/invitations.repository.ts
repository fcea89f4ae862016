import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type InvitationRow = Selectable<VaultTables['invitation']>;

@Injectable()
export class InvitationsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds an invitation. Undefined if its id is in use: the unique key decides. */
  insert(trx: VaultTransaction, row: Insertable<VaultTables['invitation']>): Promise<InvitationRow | undefined> {
    return trx
      .insertInto('invitation')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /** An invitation in any state, those that were taken back included. */
  find(org: string, id: string, source: VaultSource = this.database.db): Promise<InvitationRow | undefined> {
    return source.selectFrom('invitation').selectAll().where('org', '=', org).where('id', '=', id).executeTakeFirst();
  }

  /** One page, the newest first, without those that were taken back. @param before id of the row before the page. */
  list(org: string, before: string | undefined, limit: number): Promise<InvitationRow[]> {
    let query = this.database.db
      .selectFrom('invitation')
      .selectAll()
      .where('org', '=', org)
      .where('deleted_at', 'is', null);
    if (before !== undefined) query = query.where('id', '<', before);
    return query.orderBy('id', 'desc').limit(limit).execute();
  }

  /** Takes an invitation that is open at a moment. False if it is not, or somebody else was faster. */
  async take(trx: VaultTransaction, org: string, id: string, at: Date): Promise<boolean> {
    const result = await trx
      .updateTable('invitation')
      .set({ taken_at: at })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('taken_at', 'is', null)
      .where('deleted_at', 'is', null)
      .where('expires_at', '>', at)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Takes back an invitation that nobody has taken. False if somebody has. */
  async markDeleted(trx: VaultTransaction, org: string, id: string, at: Date): Promise<boolean> {
    const result = await trx
      .updateTable('invitation')
      .set((eb) => ({ deleted_at: eb.fn.coalesce('deleted_at', eb.val(at)) }))
      .where('org', '=', org)
      .where('id', '=', id)
      .where('taken_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /**
   * Removes, in every organisation, invitations that expired unused before one moment and those that were taken before
   * another, with what became of them: so many at most. Returns how many there were.
   */
  async purge(unusedBefore: Date, takenBefore: Date, limit: number): Promise<bigint> {
    const past = this.database.db
      .selectFrom('invitation')
      .select('id')
      .where((eb) =>
        eb.or([
          eb.and([eb('taken_at', 'is', null), eb('expires_at', '<', unusedBefore)]),
          eb('taken_at', '<', takenBefore),
        ]),
      )
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('invitation')
      .where('id', 'in', past)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }
}
