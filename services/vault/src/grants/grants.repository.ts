import { Injectable } from '@nestjs/common';
import type { ExpressionBuilder, Insertable, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables, VersionPlace } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { placesIn } from '../database/version-places.js';
import { VaultDatabase } from '../database/vault-database.js';

export type GrantRow = Selectable<VaultTables['content_grant']>;
/** All but the grant itself. */
export type GrantFacts = Omit<GrantRow, 'token'>;
/** A grant with the protected header of the content that it is for. */
export type CollectedGrant = GrantRow & { readonly header: string };

/** Which grants of one key are collected, and from where on. */
export interface CollectedOf {
  readonly org: string;
  readonly kid: string;
  /** Only of versions of which this key has none. */
  readonly without?: string | undefined;
  /** Only those that none of these keys posted. */
  readonly notBy?: readonly string[] | undefined;
  /** Only those that came from this second on. */
  readonly since?: number | undefined;
  readonly after?: readonly [promptId: string, version: number] | undefined;
  readonly limit: number;
}

type NewGrant = Insertable<VaultTables['content_grant']>;

const TYPES = {
  whash: 'text',
  org: 'text',
  prompt_id: 'text',
  version: 'integer',
  kid: 'text',
  aud: 'text',
  token: 'text',
  poster_kid: 'text',
} as const;
const GIVEN = Object.keys(TYPES) as readonly (keyof typeof TYPES)[];

const FACTS = ['whash', 'org', 'prompt_id', 'version', 'kid', 'aud', 'poster_kid', 'created_at'] as const;

@Injectable()
export class GrantsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /**
   * Adds grants in one statement, in one order: of two that add the same at once, neither holds what the other waits for.
   * Returns the hashes of those that went in: a stored one for the same key is never overwritten.
   */
  async insert(trx: VaultTransaction, rows: readonly NewGrant[]): Promise<string[]> {
    const result = await trx
      .insertInto('content_grant')
      .columns(GIVEN)
      .expression((eb) => eb.selectFrom(rowsOf(rows.toSorted(byVersionAndKey))).select(GIVEN))
      // guard: vault-grant-kept without:
      //   .onConflict((conflict) => {
      //     const newer = conflict.columns(['prompt_id', 'version', 'kid']);
      //     return newer.doUpdateSet((eb) => ({ token: eb.ref('excluded.token'), whash: eb.ref('excluded.whash') }));
      //   })
      .onConflict((conflict) => conflict.doNothing())
      .returning('whash')
      .execute();
    return result.map(({ whash }) => whash);
  }

  /** The grants of some versions for some keys. */
  listFor(
    org: string,
    id: string,
    versions: readonly number[],
    kids: readonly string[],
    source: VaultSource = this.database.db,
  ): Promise<GrantRow[]> {
    if (kids.length === 0) return Promise.resolve([]);
    return ofPrompt(source, org, id).selectAll().where('version', 'in', versions).where('kid', 'in', kids).execute();
  }

  findByHash(
    org: string,
    id: string,
    whash: string,
    source: VaultSource = this.database.db,
  ): Promise<GrantRow | undefined> {
    return ofPrompt(source, org, id).selectAll().where('whash', '=', whash).executeTakeFirst();
  }

  /** One page of a prompt's grants, or of one version's, by version and key. */
  list(
    org: string,
    id: string,
    version: number | undefined,
    after: readonly [version: number, kid: string] | undefined,
    limit: number,
  ): Promise<GrantFacts[]> {
    let query = ofPrompt(this.database.db, org, id).select(FACTS);
    if (version !== undefined) query = query.where('version', '=', version);
    if (after !== undefined) query = query.where((eb) => eb(eb.refTuple('version', 'kid'), '>', eb.tuple(...after)));
    return query.orderBy('version').orderBy('kid').limit(limit).execute();
  }

  /** One page of what is sealed to a key, over all prompts that are not deleted. */
  listOfKey({ org, kid, without, notBy, since, after, limit }: CollectedOf): Promise<CollectedGrant[]> {
    let query = this.database.db
      .selectFrom('content_grant')
      .innerJoin('prompt', (join) =>
        join.onRef('prompt.id', '=', 'content_grant.prompt_id').onRef('prompt.org', '=', 'content_grant.org'),
      )
      .innerJoin('prompt_version as content', (join) =>
        join
          .onRef('content.prompt_id', '=', 'content_grant.prompt_id')
          .onRef('content.version', '=', 'content_grant.version'),
      )
      .selectAll('content_grant')
      // No header is longer, and of a long text only this much is read.
      .select(sql<string>`split_part(substr(content.content, 1, 2731), '.', 1)`.as('header'))
      .where('content_grant.org', '=', org)
      .where('content_grant.kid', '=', kid)
      .where('prompt.deleted_at', 'is', null);
    if (without !== undefined) query = query.where((eb) => eb.not(eb.exists(grantOfSame(eb, without))));
    if (notBy !== undefined) query = query.where('poster_kid', '<>', sql<string>`all(${notBy}::text[])`);
    if (since !== undefined) query = query.where('content_grant.created_at', '>=', new Date(since * 1000));
    if (after !== undefined)
      query = query.where((eb) =>
        eb(eb.refTuple('content_grant.prompt_id', 'content_grant.version'), '>', eb.tuple(...after)),
      );
    return query.orderBy('content_grant.prompt_id').orderBy('content_grant.version').limit(limit).execute();
  }

  /** Those of some versions of which one of some keys has a grant: each is looked up, however many grants a key has. */
  async heldOf(
    trx: VaultTransaction,
    org: string,
    places: readonly VersionPlace[],
    kids: readonly string[],
  ): Promise<VersionPlace[]> {
    if (places.length === 0 || kids.length === 0) return [];
    const rows = await trx
      .selectFrom(placesIn(places))
      .innerJoinLateral(
        (eb) =>
          eb
            .selectFrom('content_grant')
            .select('content_grant.kid')
            .whereRef('content_grant.prompt_id', '=', 'place.prompt_id') // guard: grants-held-prompt
            .whereRef('content_grant.version', '=', 'place.version') // guard: grants-held-version
            .where('content_grant.org', '=', org) // guard: org-grants-held
            .where('content_grant.kid', '=', sql<string>`any(${kids})`)
            .limit(1)
            .as('held'),
        (join) => join.onTrue(),
      )
      .select(['place.prompt_id', 'place.version'])
      .execute();
    return rows.map(({ prompt_id: promptId, version }) => ({ promptId, version }));
  }

  /** The token of a grant that its recipient took back, as long as it is kept. */
  async findRetired(org: string, id: string, whash: string, now: Date): Promise<string | undefined> {
    const row = await this.database.db
      .selectFrom('retired_grant')
      .select('token')
      .where('org', '=', org) // guard: org-retired-grant
      .where('prompt_id', '=', id)
      .where('whash', '=', whash)
      .where('until', '>', now) // guard: vault-retired-until
      .executeTakeFirst();
    return row?.token;
  }

  /** Keeps the bytes of a grant that is about to be deleted; of one that was posted and taken back again, for longer. */
  async retire(trx: VaultTransaction, { org, prompt_id, whash, token }: GrantRow, until: Date): Promise<void> {
    await trx
      .insertInto('retired_grant')
      .values({ org, prompt_id, whash, token, until })
      .onConflict((conflict) => conflict.column('whash').doUpdateSet({ until }))
      .execute();
  }

  /** Removes so many retired grants, of every organisation, that no envelope needs any more. Returns how many. */
  async purgeRetired(endedBefore: Date, limit: number): Promise<bigint> {
    const ended = this.database.db
      .selectFrom('retired_grant')
      .select('whash')
      .where('until', '<', endedBefore)
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('retired_grant')
      .where('whash', 'in', ended)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }

  async delete(trx: VaultTransaction, org: string, id: string, whash: string): Promise<void> {
    await trx
      .deleteFrom('content_grant')
      .where('org', '=', org)
      .where('prompt_id', '=', id)
      .where('whash', '=', whash)
      .execute();
  }
}

function ofPrompt(source: VaultSource, org: string, id: string) {
  return source
    .selectFrom('content_grant')
    .where('org', '=', org) // guard: org-grant
    .where('prompt_id', '=', id);
}

/** Rows as lists of their columns: as many parameters however many they are, and one plan. In the order that is given. */
function rowsOf(rows: readonly NewGrant[]) {
  const lists = GIVEN.map((column) => sql`${rows.map((row) => row[column])}::${sql.raw(TYPES[column])}[]`);
  return sql<NewGrant>`unnest(${sql.join(lists)})`.as<'given'>(
    sql`given(${sql.join(GIVEN.map((name) => sql.ref(name)))})`,
  );
}

/** The grant of a key for the version of the grant that is looked at. */
export function grantOfSame(eb: ExpressionBuilder<VaultTables, 'content_grant'>, kid: string) {
  return eb
    .selectFrom('content_grant as other')
    .select('other.kid')
    .whereRef('other.prompt_id', '=', 'content_grant.prompt_id')
    .whereRef('other.version', '=', 'content_grant.version')
    .where('other.kid', '=', kid);
}

function byVersionAndKey(one: NewGrant, other: NewGrant): number {
  if (one.prompt_id !== other.prompt_id) return one.prompt_id < other.prompt_id ? -1 : 1;
  if (one.version !== other.version) return one.version - other.version;
  if (one.kid === other.kid) return 0;
  return one.kid < other.kid ? -1 : 1;
}
