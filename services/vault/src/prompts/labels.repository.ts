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
    const { rows } = await sql`
      insert into ${sql.table('vault.prompt_label')} (org, name, label, seq, prompt_id, version, tokens)
      select ${row.org}, ${row.name}, ${row.label}, ${row.seq}::integer, ${row.prompt_id}, ${row.version}::integer, ${JSON.stringify(row.tokens)}::jsonb
      where (select coalesce(max(seq), 0) from ${sql.table('vault.prompt_label')}
             where org = ${row.org} and name = ${row.name} and label = ${row.label}) = ${row.seq}::integer - 1
      on conflict do nothing
      returning seq`.execute(trx);
    return rows.length === 1;
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
