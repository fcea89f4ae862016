import { brokenConstraint } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../../database/types.js';
import type { VaultSource, VaultTransaction } from '../../database/vault-database.js';
import { VaultDatabase } from '../../database/vault-database.js';

export type KekWrapRow = Selectable<VaultTables['kek_wrap']>;

/** The KEK of a wrap was replaced since it was made: wrap again, and it goes in. */
export class KekReplaced extends Error {
  override readonly name = 'KekReplaced';
}

/** Data keys under the KEKs of organisations. */
@Injectable()
export class KekWraps {
  constructor(private readonly database: VaultDatabase) {}

  /**
   * Adds the wrap of a version, and holds its KEK active until the transaction ends.
   * @throws {KekReplaced} if the KEK is not active any more: the transaction is lost then
   */
  async insert(trx: VaultTransaction, row: Insertable<VaultTables['kek_wrap']>): Promise<void> {
    try {
      await trx.insertInto('kek_wrap').values(row).execute();
    } catch (error) {
      throw brokenConstraint(error) === 'kek_wrap_under_active' ? new KekReplaced() : error;
    }
  }

  find(
    org: string,
    id: string,
    version: number,
    source: VaultSource = this.database.db,
  ): Promise<KekWrapRow | undefined> {
    return source
      .selectFrom('kek_wrap')
      .selectAll()
      .where('org', '=', org)
      .where('prompt_id', '=', id)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  /** Takes away the wraps of a prompt, or of some of its versions. Returns of how many. */
  async deleteOf(trx: VaultTransaction, org: string, id: string, versions?: readonly number[]): Promise<number> {
    const ofPrompt = trx.deleteFrom('kek_wrap').where('org', '=', org).where('prompt_id', '=', id);
    const result = await (versions === undefined
      ? ofPrompt
      : ofPrompt.where('version', 'in', versions)
    ).executeTakeFirstOrThrow();
    return Number(result.numDeletedRows);
  }
}
