import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { VaultSource } from '../../database/vault-database.js';
import { VaultDatabase } from '../../database/vault-database.js';

/** A KEK that can be unwrapped still. */
export interface MovableKek {
  readonly org: string;
  readonly version: number;
  readonly root_kid: string;
  readonly wrapped: string;
}

/** Moves the KEKs of all organisations from one root key to another. */
@Injectable()
export class RootRewrapRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Some KEKs that are under any other root key than this. */
  some(kid: string, limit: number): Promise<MovableKek[]> {
    return this.database.db
      .selectFrom('kek')
      .select(['org', 'version', 'root_kid', 'wrapped'])
      .where('state', '<>', 'destroyed')
      .where('root_kid', '<>', kid)
      .where('wrapped', 'is not', null)
      .orderBy('org')
      .orderBy('version')
      .limit(limit)
      .$narrowType<{ wrapped: string }>()
      .execute();
  }

  async pending(kid: string, source: VaultSource = this.database.db): Promise<number> {
    const { pending } = await source
      .selectFrom('kek')
      .select(sql<number>`count(*)::int`.as('pending'))
      .where('state', '<>', 'destroyed')
      .where('root_kid', '<>', kid)
      .executeTakeFirstOrThrow();
    return pending;
  }

  /** Puts one under a root key, unless somebody else did. @returns how many that is */
  async move({ org, version, wrapped }: MovableKek, kid: string, moved: string): Promise<number> {
    const { numUpdatedRows } = await this.database.db
      .updateTable('kek')
      .set({ wrapped: moved, root_kid: kid })
      .where('org', '=', org)
      .where('version', '=', version)
      .where('wrapped', '=', wrapped)
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  }
}
