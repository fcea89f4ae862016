import { Injectable } from '@nestjs/common';
import type { Insertable, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

/** A grant that was unfit, and whether its key has another of the version by now. */
export type UnfitGrantRow = Selectable<VaultTables['unfit_grant']> & { readonly again: boolean };
/** A key that a version is to be given. */
export interface Giving {
  readonly promptId: string;
  readonly version: number;
  readonly kid: string;
}

/** Who posted grants that did not give the key of their content, and so can give that key that version no more. */
@Injectable()
export class UnfitGrantsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Keeps who posted a grant, once for each key and version; the first of theirs stays. */
  async insert(trx: VaultTransaction, row: Insertable<VaultTables['unfit_grant']>): Promise<void> {
    await trx
      .insertInto('unfit_grant')
      .values(row)
      .onConflict((conflict) => conflict.columns(['prompt_id', 'version', 'kid', 'poster_urn']).doNothing())
      .execute();
  }

  /** Those of some that somebody can give no more. */
  async barred(trx: VaultTransaction, org: string, poster: string, givings: readonly Giving[]): Promise<Giving[]> {
    const [ids, versions, kids] = [
      givings.map(({ promptId }) => promptId),
      givings.map(({ version }) => version),
      givings.map(({ kid }) => kid),
    ];
    const given = sql<{
      prompt_id: string;
      version: number;
      kid: string;
    }>`unnest(${ids}::text[], ${versions}::integer[],
      ${kids}::text[])`.as<'given'>(sql`given(prompt_id, version, kid)`);
    const rows = await trx
      .selectFrom('unfit_grant')
      .innerJoin(given, (join) =>
        join
          .onRef('given.prompt_id', '=', 'unfit_grant.prompt_id')
          .onRef('given.version', '=', 'unfit_grant.version')
          .onRef('given.kid', '=', 'unfit_grant.kid'),
      )
      .select(['unfit_grant.prompt_id', 'unfit_grant.version', 'unfit_grant.kid'])
      .where('unfit_grant.org', '=', org) // guard: org-barred
      .where('unfit_grant.poster_urn', '=', poster) // guard: vault-barred-poster
      .execute();
    return rows.map(({ prompt_id: promptId, version, kid }) => ({ promptId, version, kid }));
  }

  /** One page of an organisation's, by the hash of the grant and who posted it. Not those of prompts that were deleted. */
  list(
    org: string,
    after: readonly [whash: string, poster: string] | undefined,
    limit: number,
  ): Promise<UnfitGrantRow[]> {
    let query = this.database.db
      .selectFrom('unfit_grant')
      .innerJoin('prompt', (join) =>
        join.onRef('prompt.id', '=', 'unfit_grant.prompt_id').onRef('prompt.org', '=', 'unfit_grant.org'),
      )
      .selectAll('unfit_grant')
      .select((eb) =>
        eb
          .exists(
            eb
              .selectFrom('content_grant')
              .select('content_grant.kid')
              .whereRef('content_grant.prompt_id', '=', 'unfit_grant.prompt_id')
              .whereRef('content_grant.version', '=', 'unfit_grant.version')
              .whereRef('content_grant.kid', '=', 'unfit_grant.kid'),
          )
          .$castTo<boolean>()
          .as('again'),
      )
      .where('unfit_grant.org', '=', org) // guard: org-unfit-list
      .where('prompt.deleted_at', 'is', null);
    if (after !== undefined)
      query = query.where((eb) =>
        eb(eb.refTuple('unfit_grant.whash', 'unfit_grant.poster_urn'), '>', eb.tuple(...after)),
      );
    return query.orderBy('unfit_grant.whash').orderBy('unfit_grant.poster_urn').limit(limit).execute();
  }

  async clear(trx: VaultTransaction, org: string, whash: string, poster: string): Promise<void> {
    await trx
      .deleteFrom('unfit_grant')
      .where('org', '=', org) // guard: org-unfit-clear
      .where('whash', '=', whash)
      .where('poster_urn', '=', poster) // guard: vault-clear-poster
      .execute();
  }
}
