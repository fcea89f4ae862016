import { Injectable } from '@nestjs/common';
import type { ExpressionBuilder } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { grantOfSame } from './grants.repository.js';

/** Which versions a count is about. */
export interface LackingOf {
  /** Keys that open them. */
  readonly kids: readonly string[];
  /** The key that should open them too; undefined where there is none. */
  readonly newest: string | undefined;
  /** Whether the vault seals those to that key itself whose data keys it keeps: they do not count then. */
  readonly sealsManaged: boolean;
  /** Those below a number of a prompt do not count. */
  readonly withdrawn: readonly { readonly id: string; readonly below: number }[];
}

/** What is looked at when encryption keys end, and how nobody adds grants meanwhile. */
@Injectable()
export class KeyEndsRepository {
  /** Lets others add grants too, and no directory that ends a key be published, until the transaction ends. */
  async shareDirectory(trx: VaultTransaction, org: string): Promise<void> {
    await sql`select pg_advisory_xact_lock_shared(${keyOfDirectory(org)})`.execute(trx);
  }

  /** Waits for all who add grants, and keeps others from it, until the transaction ends. */
  async holdDirectory(trx: VaultTransaction, org: string): Promise<void> {
    await sql`select pg_advisory_xact_lock(${keyOfDirectory(org)})`.execute(trx);
  }

  /** The newest directory, by its number; undefined for an organisation that is not here. */
  async newestDirectory(trx: VaultTransaction, org: string): Promise<number | undefined> {
    const row = await trx
      .selectFrom('org_document')
      .select('version')
      .where('org', '=', org)
      .where('kind', '=', 'directory')
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row?.version;
  }

  /** How many versions, of prompts that are not deleted, one of some keys opens and another key does not. */
  async countLacking(
    trx: VaultTransaction,
    org: string,
    { kids, newest, sealsManaged, withdrawn }: LackingOf,
  ): Promise<number> {
    const below = JSON.stringify(withdrawn);
    const row = await trx
      .selectFrom('content_grant')
      .innerJoin('prompt', (join) =>
        join.onRef('prompt.id', '=', 'content_grant.prompt_id').onRef('prompt.org', '=', 'content_grant.org'),
      )
      .innerJoin('prompt_version as content', (join) =>
        join
          .onRef('content.prompt_id', '=', 'content_grant.prompt_id')
          .onRef('content.version', '=', 'content_grant.version'),
      )
      .select(sql<string>`count(distinct (content_grant.prompt_id, content_grant.version))`.as('count'))
      .where('content_grant.org', '=', org) // guard: org-lacking
      .where('content_grant.kid', 'in', kids)
      .where('prompt.deleted_at', 'is', null)
      // Nothing runs by what commits to no key.
      .where('content.dkc', 'is not', null) // guard: vault-end-committed
      .where((eb) => (newest === undefined ? sql.lit(true) : eb.not(eb.exists(grantOfSame(eb, newest)))))
      // guard: vault-end-managed
      .where((eb) => (sealsManaged ? eb.not(eb.exists(wrapOfSame(eb))) : sql.lit(true)))
      .where(
        sql<boolean>`not exists (select from jsonb_to_recordset(${below}::jsonb) as withdrawn(id text, below integer)
          where withdrawn.id = content_grant.prompt_id and content_grant.version < withdrawn.below)`,
      )
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }
}

/** The data key that the vault keeps of the version of the grant that is looked at. */
function wrapOfSame(eb: ExpressionBuilder<VaultTables, 'content_grant'>) {
  return eb
    .selectFrom('kek_wrap')
    .select('kek_wrap.kek_version')
    .whereRef('kek_wrap.prompt_id', '=', 'content_grant.prompt_id')
    .whereRef('kek_wrap.version', '=', 'content_grant.version');
}

/** A lock of its own, not that of a row: who waits gets it in turn, however many share it, and nothing is written for it. */
function keyOfDirectory(org: string) {
  return sql`hashtextextended(${`bulla directory ${org}`}, 0)`;
}
