import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';
import type { LabelRow } from './labels.repository.js';

export type LabelFreshnessRow = Selectable<VaultTables['label_freshness']>;

/** What renewers say of labels, the last word of each. */
@Injectable()
export class LabelFreshnessRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Keeps words of renewers, at most one of each for a label; what was said later, or of a later position, stays. */
  async put(trx: VaultTransaction, rows: readonly Omit<LabelFreshnessRow, 'created_at'>[]): Promise<void> {
    if (rows.length === 0) return;
    await trx
      .insertInto('label_freshness')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['org', 'name', 'label', 'urn'])
          .doUpdateSet((eb) => ({
            seq: eb.ref('excluded.seq'),
            pos: eb.ref('excluded.pos'),
            token: eb.ref('excluded.token'),
            issued_at: eb.ref('excluded.issued_at'),
          }))
          // guard: vault-label-fresh-newest
          .where(sql<boolean>`(excluded.seq, excluded.issued_at) > (label_freshness.seq, label_freshness.issued_at)`),
      )
      .execute();
  }

  /** What is said of these positions and of no others, the newest first. */
  async of(rows: readonly LabelRow[], source: VaultSource = this.database.db): Promise<LabelFreshnessRow[]> {
    const places = rows.flatMap(({ org, name, label, pos }) => (pos === null ? [] : [{ org, name, label, pos }]));
    if (places.length === 0) return [];
    return source
      .selectFrom('label_freshness')
      .selectAll()
      .where((eb) =>
        eb(
          eb.refTuple('org', 'name', 'label', 'pos'),
          'in',
          places.map(({ org, name, label, pos }) => eb.tuple(org, name, label, pos)),
        ),
      )
      .orderBy('issued_at', 'desc')
      .orderBy('urn')
      .execute();
  }
}
