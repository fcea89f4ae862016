import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type DeletedGrantRow = Selectable<VaultTables['deleted_grant']>;

/** Who posted grants that are gone: whoever takes an unfit one away before its recipient does is named all the same. */
@Injectable()
export class DeletedGrantsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Keeps who posted a grant that is about to be deleted; of one that they posted again, for longer. */
  async insert(trx: VaultTransaction, row: Insertable<VaultTables['deleted_grant']>): Promise<void> {
    const { poster_kid, until } = row;
    await trx
      .insertInto('deleted_grant')
      .values(row)
      .onConflict((conflict) => conflict.columns(['org', 'whash', 'poster_urn']).doUpdateSet({ poster_kid, until }))
      .execute();
  }

  /** So many who posted a grant, as long as they are kept: those who were kept last come first. */
  list(
    trx: VaultTransaction,
    org: string,
    id: string,
    whash: string,
    now: Date,
    limit: number,
  ): Promise<DeletedGrantRow[]> {
    return trx
      .selectFrom('deleted_grant')
      .selectAll()
      .where('org', '=', org) // guard: org-deleted-grant
      .where('prompt_id', '=', id)
      .where('whash', '=', whash)
      .where('until', '>', now) // guard: vault-deleted-until
      .orderBy('until', 'desc')
      .limit(limit)
      .execute();
  }

  /** Forgets some who posted a grant: what is to be known of them is known. */
  async delete(trx: VaultTransaction, org: string, whash: string, posters: readonly string[]): Promise<void> {
    if (posters.length === 0) return;
    await trx
      .deleteFrom('deleted_grant')
      .where('org', '=', org)
      .where('whash', '=', whash)
      .where('poster_urn', 'in', posters)
      .execute();
  }

  /** Removes so many, of every organisation, of which it is too late to say anything. Returns how many. */
  async purge(endedBefore: Date, limit: number): Promise<bigint> {
    const ended = this.database.db
      .selectFrom('deleted_grant')
      .select(['org', 'whash', 'poster_urn'])
      .where('until', '<', endedBefore)
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('deleted_grant')
      .where((eb) => eb(eb.refTuple('org', 'whash', 'poster_urn'), 'in', ended.$asTuple('org', 'whash', 'poster_urn')))
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }
}
