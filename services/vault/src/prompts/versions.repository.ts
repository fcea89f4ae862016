import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import type { VaultTables, VersionPlace } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';
import { placesIn } from '../database/version-places.js';

export type VersionRow = Selectable<VaultTables['prompt_version']>;
/** All but the content, which may be large. */
export type VersionFacts = Omit<VersionRow, 'content'>;

const FACTS = [
  'prompt_id',
  'version',
  'org',
  'chash',
  'dek_id',
  'dkc',
  'author_kid',
  'author_urn',
  'created_at',
] as const;

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

  find(
    org: string,
    id: string,
    version: number,
    source: VaultSource = this.database.db,
  ): Promise<VersionRow | undefined> {
    return source
      .selectFrom('prompt_version')
      .selectAll()
      .where('org', '=', org) // guard: org-version
      .where('prompt_id', '=', id)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  /** Those of some versions that are there. */
  findFacts(org: string, id: string, versions: readonly number[], source: VaultSource): Promise<VersionFacts[]> {
    return source
      .selectFrom('prompt_version')
      .select(FACTS)
      .where('org', '=', org)
      .where('prompt_id', '=', id)
      .where('version', 'in', versions)
      .execute();
  }

  /** Those of some versions, of any prompts, whose prompt is not deleted: that waits until the transaction ends. */
  async holdLive(trx: VaultTransaction, org: string, places: readonly VersionPlace[]): Promise<VersionFacts[]> {
    if (places.length === 0) return [];
    const query = trx
      .selectFrom('prompt_version')
      .innerJoin('prompt', (join) =>
        join.onRef('prompt.id', '=', 'prompt_version.prompt_id').onRef('prompt.org', '=', 'prompt_version.org'),
      )
      .innerJoin(placesIn(places), (join) =>
        join
          .onRef('place.prompt_id', '=', 'prompt_version.prompt_id')
          .onRef('place.version', '=', 'prompt_version.version'),
      )
      .select(FACTS.map((column) => `prompt_version.${column}` as const))
      .where('prompt_version.org', '=', org) // guard: org-versions-held
      .where('prompt.deleted_at', 'is', null); // guard: vault-move-deleted
    // In one order: of two who hold the same, neither has what the other waits for.
    return query.orderBy('prompt.id').orderBy('prompt_version.version').forShare('prompt').execute();
  }

  /** One page, newest first. */
  list(org: string, id: string, before: number | undefined, limit: number): Promise<VersionFacts[]> {
    let query = this.database.db
      .selectFrom('prompt_version')
      .select(FACTS)
      .where('org', '=', org)
      .where('prompt_id', '=', id);
    if (before !== undefined) query = query.where('version', '<', before);
    return query.orderBy('version', 'desc').limit(limit).execute();
  }
}
