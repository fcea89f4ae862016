import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type EnvelopeRow = Selectable<VaultTables['envelope']>;

@Injectable()
export class EnvelopesRepository {
  constructor(private readonly database: VaultDatabase) {}

  async insert(trx: VaultTransaction, row: Insertable<VaultTables['envelope']>): Promise<void> {
    await trx.insertInto('envelope').values(row).execute();
  }

  find(org: string, jti: string): Promise<EnvelopeRow | undefined> {
    return this.database.db
      .selectFrom('envelope')
      .selectAll()
      .where('org', '=', org) // guard: org-envelope
      .where('jti', '=', jti)
      .executeTakeFirst();
  }

  /** Removes so many envelopes, of every organisation, that ended before a moment. Returns how many there were. */
  async purge(endedBefore: Date, limit: number): Promise<bigint> {
    const ended = this.database.db
      .selectFrom('envelope')
      .select('jti')
      .where('expires_at', '<', endedBefore)
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('envelope')
      .where('jti', 'in', ended)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }
}
