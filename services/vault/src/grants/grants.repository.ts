import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type GrantRow = Selectable<VaultTables['content_grant']>;

@Injectable()
export class GrantsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds grants in one statement. Returns how many went in: a stored one for the same key is never overwritten. */
  async insert(trx: VaultTransaction, rows: readonly Insertable<VaultTables['content_grant']>[]): Promise<number> {
    const result = await trx
      .insertInto('content_grant')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return Number(result.numInsertedOrUpdatedRows);
  }

  /** The grants of a version for some keys. */
  listFor(org: string, promptId: string, version: number, kids: readonly string[]): Promise<GrantRow[]> {
    if (kids.length === 0) return Promise.resolve([]);
    return this.ofPrompt(org, promptId).where('version', '=', version).where('kid', 'in', kids).execute();
  }

  findByHash(org: string, promptId: string, whash: string): Promise<GrantRow | undefined> {
    return this.ofPrompt(org, promptId).where('whash', '=', whash).executeTakeFirst();
  }

  /** One page of a prompt's grants, or of one version's, by version and key. */
  list(org: string, promptId: string, version: number | undefined, after: { version: number; kid: string } | undefined, limit: number): Promise<GrantRow[]> {
    let query = this.ofPrompt(org, promptId);
    if (version !== undefined) query = query.where('version', '=', version);
    if (after !== undefined) {
      query = query.where(({ eb, or, and }) => or([eb('version', '>', after.version), and([eb('version', '=', after.version), eb('kid', '>', after.kid)])]));
    }
    return query.orderBy('version').orderBy('kid').limit(limit).execute();
  }

  /** One page of what is sealed to a key, over all prompts. */
  listOfKey(org: string, kid: string, after: { promptId: string; version: number } | undefined, limit: number): Promise<GrantRow[]> {
    let query = this.database.db.selectFrom('content_grant').selectAll().where('org', '=', org).where('kid', '=', kid);
    if (after !== undefined) {
      query = query.where(({ eb, or, and }) => or([eb('prompt_id', '>', after.promptId), and([eb('prompt_id', '=', after.promptId), eb('version', '>', after.version)])]));
    }
    return query.orderBy('prompt_id').orderBy('version').limit(limit).execute();
  }

  async delete(trx: VaultTransaction, org: string, promptId: string, whash: string): Promise<void> {
    await trx.deleteFrom('content_grant').where('org', '=', org).where('prompt_id', '=', promptId).where('whash', '=', whash).execute();
  }

  private ofPrompt(org: string, promptId: string) {
    return this.database.db.selectFrom('content_grant').selectAll().where('org', '=', org).where('prompt_id', '=', promptId);
  }
}
