import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type EnrolmentRow = Selectable<VaultTables['enrolment']>;

export interface EnrolmentFilter {
  readonly org: string;
  readonly state: EnrolmentRow['state'];
  /** Id of the row before the page. */
  readonly after: string | undefined;
  readonly limit: number;
}

@Injectable()
export class EnrolmentsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds a request. Undefined if its id or its invitation is taken: the unique keys decide. */
  insert(trx: VaultTransaction, row: Insertable<VaultTables['enrolment']>): Promise<EnrolmentRow | undefined> {
    return trx
      .insertInto('enrolment')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  find(org: string, id: string, source: VaultSource = this.database.db): Promise<EnrolmentRow | undefined> {
    return source.selectFrom('enrolment').selectAll().where('org', '=', org).where('id', '=', id).executeTakeFirst();
  }

  /** One page, the oldest first. */
  list({ org, state, after, limit }: EnrolmentFilter): Promise<EnrolmentRow[]> {
    let query = this.database.db.selectFrom('enrolment').selectAll().where('org', '=', org).where('state', '=', state);
    if (after !== undefined) query = query.where('id', '>', after);
    return query.orderBy('id').limit(limit).execute();
  }

  /** Decides a request that is pending. False if it is decided already: the row lets one decision in. */
  async decide(
    trx: VaultTransaction,
    { org, id }: Pick<EnrolmentRow, 'org' | 'id'>,
    decision: { readonly state: 'approved'; readonly device: string } | { readonly state: 'refused' },
  ): Promise<boolean> {
    const result = await trx
      .updateTable('enrolment')
      .set(decision)
      .where('org', '=', org)
      .where('id', '=', id)
      .where('state', '=', 'pending')
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }
}
