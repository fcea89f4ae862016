import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type VersionRow = Selectable<VaultTables['prompt_version']>;

@Injectable()
export class VersionsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds a version. False if the version or this content is there already. */
  async insert(trx: VaultTransaction, row: Insertable<VaultTables['prompt_version']>): Promise<boolean> {
    const result = await trx
      .insertInto('prompt_version')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  find(org: string, promptId: string, version: number): Promise<VersionRow | undefined> {
    return this.database.db
      .selectFrom('prompt_version')
      .selectAll()
      .where('org', '=', org)
      .where('prompt_id', '=', promptId)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  /** One page without the contents, newest first. */
  list(org: string, promptId: string, before: number | undefined, limit: number): Promise<Omit<VersionRow, 'content'>[]> {
    let query = this.database.db
      .selectFrom('prompt_version')
      .select(['prompt_id', 'version', 'org', 'chash', 'dek_id', 'author_kid', 'author_urn', 'created_at'])
      .where('org', '=', org)
      .where('prompt_id', '=', promptId);
    if (before !== undefined) query = query.where('version', '<', before);
    return query.orderBy('version', 'desc').limit(limit).execute();
  }
}
