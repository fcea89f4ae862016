import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type ApprovalRow = Selectable<VaultTables['label_approval']>;
export type ApprovalTagRow = Selectable<VaultTables['label_approval_tag']>;

/** A tag in an approval that waits, or was ended. */
export interface UndoneTag extends Pick<ApprovalRow, 'state'> {
  readonly end: Date;
  readonly token: string;
}

export interface ApprovalFilter {
  readonly org: string;
  readonly state: ApprovalRow['state'] | 'expired';
  /** Open ones that have waited long enough by then are expired. */
  readonly now: Date;
  /** Id of the row before the page. */
  readonly before?: string | undefined;
  readonly limit: number;
}

@Injectable()
export class ApprovalsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds an open approval. False if there is one of the same move: the unique key decides. */
  async insert(trx: VaultTransaction, row: Omit<Insertable<VaultTables['label_approval']>, 'state'>): Promise<boolean> {
    const result = await trx
      .insertInto('label_approval')
      .values({ ...row, state: 'open' })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** The open approval of a position. */
  findOpen(
    trx: VaultTransaction,
    { org, name, label, pos }: Pick<ApprovalRow, 'org' | 'name' | 'label' | 'pos'>,
  ): Promise<ApprovalRow | undefined> {
    return trx
      .selectFrom('label_approval')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .where('pos', '=', pos)
      .where('state', '=', 'open')
      .executeTakeFirst();
  }

  find(org: string, id: string, source: VaultSource = this.database.db): Promise<ApprovalRow | undefined> {
    return source
      .selectFrom('label_approval')
      .selectAll()
      .where('org', '=', org)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** One page, newest first: ids rise with time. */
  list({ org, state, now: moment, before, limit }: ApprovalFilter): Promise<ApprovalRow[]> {
    let query = this.database.db.selectFrom('label_approval').selectAll().where('org', '=', org);
    query = query.where('state', '=', state === 'expired' ? 'open' : state);
    if (state === 'open') query = query.where('expires_at', '>', moment);
    if (state === 'expired') query = query.where('expires_at', '<=', moment);
    if (before !== undefined) query = query.where('id', '<', before);
    return query.orderBy('id', 'desc').limit(limit).execute();
  }

  /** Keeps a person's tag; another one by the same person takes the place of the first. */
  async putTag(trx: VaultTransaction, row: Omit<ApprovalTagRow, 'created_at'>): Promise<void> {
    const { token, device_urn } = row;
    await trx
      .insertInto('label_approval_tag')
      .values(row)
      .onConflict((conflict) => conflict.columns(['approval_id', 'user_urn']).doUpdateSet({ token, device_urn }))
      .execute();
  }

  /** The tags of some approvals, in the order in which the people came. */
  async tagsOf(org: string, ids: readonly string[], source: VaultSource = this.database.db): Promise<ApprovalTagRow[]> {
    if (ids.length === 0) return [];
    return source
      .selectFrom('label_approval_tag')
      .selectAll()
      .where('org', '=', org)
      .where('approval_id', 'in', ids)
      .orderBy('created_at')
      .orderBy('user_urn')
      .execute();
  }

  /** Ends the open approval of a position if it has waited until `now`. */
  async dropEnded(
    trx: VaultTransaction,
    { org, name, label, pos }: Pick<ApprovalRow, 'org' | 'name' | 'label' | 'pos'>,
    moment: Date,
  ): Promise<void> {
    await trx
      .updateTable('label_approval')
      .set({ state: 'dropped' })
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .where('pos', '=', pos)
      .where('state', '=', 'open')
      .where('expires_at', '<=', moment)
      .execute();
  }

  /** Names and labels for which something waits. */
  waitingOf(trx: VaultTransaction, org: string): Promise<{ name: string; label: string }[]> {
    return trx
      .selectFrom('label_approval')
      .select(['name', 'label'])
      .distinct()
      .where('org', '=', org)
      .where('state', '=', 'open')
      .execute();
  }

  /** Ends an open approval. False if it is not open. */
  async close(trx: VaultTransaction, org: string, id: string, state: 'done' | 'dropped'): Promise<boolean> {
    const result = await trx
      .updateTable('label_approval')
      .set({ state })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('state', '=', 'open')
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Ends all that is open. @returns how many there were */
  async dropAll(trx: VaultTransaction, org: string): Promise<number> {
    const result = await trx
      .updateTable('label_approval')
      .set({ state: 'dropped' })
      .where('org', '=', org) // guard: org-approvals-end
      .where('state', '=', 'open')
      .executeTakeFirst();
    return Number(result.numUpdatedRows);
  }

  /** The tags that approvals of a position hold which were never done, with their ends. */
  undoneTags(
    trx: VaultTransaction,
    { org, name, label, pos }: Pick<ApprovalRow, 'org' | 'name' | 'label' | 'pos'>,
  ): Promise<UndoneTag[]> {
    return trx
      .selectFrom('label_approval')
      .innerJoin('label_approval_tag', 'label_approval_tag.approval_id', 'label_approval.id')
      .select(['label_approval.state', 'label_approval.expires_at as end', 'label_approval_tag.token'])
      .where('label_approval.org', '=', org)
      .where('label_approval.name', '=', name)
      .where('label_approval.label', '=', label)
      .where('label_approval.pos', '=', pos)
      .where('label_approval.state', '!=', 'done')
      .execute();
  }

  /** Ends what waits for a label that has moved. */
  async dropOf(trx: VaultTransaction, org: string, name: string, label: string): Promise<void> {
    await trx
      .updateTable('label_approval')
      .set({ state: 'dropped' })
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .where('state', '=', 'open')
      .execute();
  }

  /** Ends what waits for labels of a prompt that is deleted. */
  async dropOfPrompt(trx: VaultTransaction, org: string, promptId: string): Promise<void> {
    await trx
      .updateTable('label_approval')
      .set({ state: 'dropped' })
      .where('org', '=', org)
      .where('prompt_id', '=', promptId)
      .where('state', '=', 'open')
      .execute();
  }
}
