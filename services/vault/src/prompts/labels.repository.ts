import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type LabelRow = Selectable<VaultTables['prompt_label']>;
/** Where a label points, without the tags that prove it. */
export type LabelPointer = Omit<LabelRow, 'org' | 'tokens' | 'created_at'>;

@Injectable()
export class LabelsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds a position. False if it is there already: of two that arrive together the primary key lets one in. */
  async insert(trx: VaultTransaction, row: Omit<LabelRow, 'created_at'>): Promise<boolean> {
    const result = await trx
      .insertInto('prompt_label')
      .values({ ...row, tokens: JSON.stringify(row.tokens) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** The newest position of one label, a deleted one included. */
  newest(
    org: string,
    name: string,
    label: string,
    source: VaultSource = this.database.db,
  ): Promise<LabelRow | undefined> {
    return source
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** One page of the positions of one label, newest first. */
  positions(org: string, name: string, label: string, before: number | undefined, limit: number): Promise<LabelRow[]> {
    let query = this.database.db
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label);
    if (before !== undefined) query = query.where('seq', '<', before);
    return query.orderBy('seq', 'desc').limit(limit).execute();
  }

  /** The newest positions of all labels of a name, deleted ones included. */
  newestOfName(org: string, name: string): Promise<LabelRow[]> {
    return this.newestOf(this.database.db, org, [name]).selectAll().execute();
  }

  /** Where all labels of these names point, deleted ones included. */
  pointersOf(org: string, names: readonly string[]): Promise<LabelPointer[]> {
    if (names.length === 0) return Promise.resolve([]);
    const query = this.newestOf(this.database.db, org, names);
    return query.select(['name', 'label', 'seq', 'prompt_id', 'version']).execute();
  }

  /** How many labels a name ever had. */
  async count(trx: VaultTransaction, org: string, name: string): Promise<number> {
    const { labels } = await trx
      .selectFrom('prompt_label')
      .select(({ fn }) => fn.count<number>('label').as('labels'))
      .where('org', '=', org)
      .where('name', '=', name)
      .where('seq', '=', 1)
      .executeTakeFirstOrThrow();
    return labels;
  }

  private newestOf(source: VaultSource, org: string, names: readonly string[]) {
    return source
      .selectFrom('prompt_label')
      .distinctOn(['name', 'label'])
      .where('org', '=', org)
      .where('name', 'in', names)
      .orderBy('name')
      .orderBy('label')
      .orderBy('seq', 'desc');
  }
}
