import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';

/** A grant that was tried, and whether it gave the key of its content. */
export interface TriedRow {
  readonly whash: string;
  readonly fit: boolean;
}

/** What the replicas of this responder know of the grants that are sealed to its keys. */
@Injectable()
export class TriedGrantsRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /** Those of some grants of a key that were tried, by their hash, and whether they were fit. */
  async known(org: string, kid: string, whashes: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    const rows = await this.db
      .selectFrom('tried_grant')
      .select(['whash', 'fit'])
      .where('org', '=', org)
      .where('kid', '=', kid)
      .where('whash', '=', sql<string>`any(${whashes}::text[])`)
      .execute();
    return new Map(rows.map(({ whash, fit }) => [whash, fit]));
  }

  /** Keeps what trying came to; what was found first stays. */
  async add(org: string, kid: string, rows: readonly TriedRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.db
      .insertInto('tried_grant')
      .values(rows.map((row) => ({ org, kid, ...row })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** One page of the grants of a key that were tried, by their hash. */
  list(org: string, kid: string, after: string | undefined, limit: number): Promise<TriedRow[]> {
    let query = this.db
      .selectFrom('tried_grant')
      .select(['whash', 'fit'])
      .where('org', '=', org)
      .where('kid', '=', kid);
    if (after !== undefined) query = query.where('whash', '>', after);
    return query.orderBy('whash').limit(limit).execute();
  }

  /** Forgets what was found with keys that this responder has no more. */
  async keepOnly(org: string, kids: readonly string[]): Promise<void> {
    await this.db
      .deleteFrom('tried_grant')
      .where('org', '=', org)
      .where('kid', '<>', sql<string>`all(${kids}::text[])`)
      .execute();
  }
}
