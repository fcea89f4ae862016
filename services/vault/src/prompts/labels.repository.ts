import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type LabelRow = Selectable<VaultTables['prompt_label']>;

@Injectable()
export class LabelsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /**
   * Moves a label: adds the position after the newest. False if `seq` is not the next one; of two that
   * arrive together the primary key lets one in.
   */
  async insert(trx: VaultTransaction, row: Omit<LabelRow, 'created_at' | 'tokens'> & { tokens: readonly string[] }): Promise<boolean> {
    const { org, name, label, seq, prompt_id, version, tokens } = row;
    const result = await trx
      .insertInto('prompt_label')
      .columns(['org', 'name', 'label', 'seq', 'prompt_id', 'version', 'tokens'])
      .expression(
        trx.selectNoFrom([
          sql<string>`${org}::text`.as('org'),
          sql<string>`${name}::text`.as('name'),
          sql<string>`${label}::text`.as('label'),
          sql<number>`${seq}::integer`.as('seq'),
          sql<string>`${prompt_id}::text`.as('prompt_id'),
          sql<number>`${version}::integer`.as('version'),
          sql<string>`${JSON.stringify(tokens)}::jsonb`.as('tokens'),
        ]).where(
          trx
            .selectFrom('prompt_label')
            .select(({ fn, lit }) => fn.coalesce(fn.max('seq'), lit(0)).as('newest'))
            .where('org', '=', org)
            .where('name', '=', name)
            .where('label', '=', label),
          '=',
          seq - 1,
        ),
      )
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** The newest position of one label, a deleted one included. */
  newest(org: string, name: string, label: string): Promise<LabelRow | undefined> {
    return this.database.db
      .selectFrom('prompt_label')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('label', '=', label)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** The newest positions of all labels of these names, deleted ones included. */
  newestOf(org: string, names: readonly string[]): Promise<LabelRow[]> {
    if (names.length === 0) return Promise.resolve([]);
    return this.database.db
      .selectFrom('prompt_label')
      .distinctOn(['name', 'label'])
      .selectAll()
      .where('org', '=', org)
      .where('name', 'in', names)
      .orderBy('name')
      .orderBy('label')
      .orderBy('seq', 'desc')
      .execute();
  }
}
