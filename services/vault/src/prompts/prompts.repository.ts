import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../database/types.js';
import type { VaultSource, VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

export type PromptRow = Selectable<VaultTables['prompt']>;

export interface PromptFilter {
  readonly org: string;
  /** Only names that begin with this. */
  readonly prefix?: string | undefined;
  readonly deleted: boolean;
  /** Name and id of the row before the page: deleted prompts may share a name. */
  readonly after?: readonly [name: string, id: string] | undefined;
  readonly limit: number;
}

const now = sql<Date>`now()`;

@Injectable()
export class PromptsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds a prompt. Undefined if its id or its name is taken: the unique keys decide. */
  insert(
    trx: VaultTransaction,
    row: { id: string; org: string; name: string; type: 'text' | 'chat' },
  ): Promise<PromptRow | undefined> {
    return trx
      .insertInto('prompt')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * Makes a prompt again that was lost. What it was made as is lost too.
   * @param isLive whether it bears its name; else it was deleted.
   * @returns false if its id is taken by another organisation
   */
  async insertLost(
    trx: VaultTransaction,
    row: { id: string; org: string; name: string; latest_version: number },
    isLive: boolean,
  ): Promise<boolean> {
    const result = await trx
      .insertInto('prompt')
      .values({ ...row, type: 'text', ...(isLive ? {} : { deleted_at: now }) })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  /** Has versions of a prompt continue above one that was lost. */
  async raiseVersion(trx: VaultTransaction, org: string, id: string, version: number): Promise<void> {
    await trx
      .updateTable('prompt')
      .set({ latest_version: version })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('latest_version', '<', version) // guard: handback-version
      .execute();
  }

  find(org: string, id: string, source: VaultSource = this.database.db): Promise<PromptRow | undefined> {
    return source
      .selectFrom('prompt')
      .selectAll()
      .where('org', '=', org) // guard: org-prompt
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** The prompt that bears a name now; deleted ones have given theirs up. */
  findByName(org: string, name: string, source: VaultSource = this.database.db): Promise<PromptRow | undefined> {
    return source
      .selectFrom('prompt')
      .selectAll()
      .where('org', '=', org) // guard: org-name
      .where('name', '=', name)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
  }

  /**
   * One page by name, in the order of bytes.
   * @param label only of those that bear it now
   */
  list({ label, ...filter }: PromptFilter & { readonly label?: string | undefined }): Promise<PromptRow[]> {
    if (label !== undefined) return this.listOfLabel(label, filter);
    const { org, prefix, deleted, after, limit } = filter;
    // guard: org-list without: let query = this.database.db.selectFrom('prompt').selectAll();
    let query = this.database.db.selectFrom('prompt').selectAll().where('org', '=', org);
    query = query.where('deleted_at', deleted ? 'is not' : 'is', null);
    // No character of a name comes after '~', so a prefix is a range, and '_' is no wildcard.
    if (prefix !== undefined) query = query.where('name', '>=', prefix).where('name', '<', `${prefix}~`);
    if (after !== undefined) {
      query = query.where((eb) => eb(eb.refTuple('name', 'id'), '>', eb.tuple(...after)));
    }
    return query.orderBy('name').orderBy('id').limit(limit).execute();
  }

  /**
   * The same of those that bear a label: from the names that ever had it, since among all prompts they may be few, and a
   * page of them must not take longer the more others there are.
   */
  private listOfLabel(label: string, { org, prefix, deleted, after, limit }: PromptFilter): Promise<PromptRow[]> {
    let query = this.database.db
      .selectFrom('prompt_label as first')
      .innerJoinLateral(
        (eb) =>
          eb
            .selectFrom('prompt_label')
            .select(['prompt_id', 'version'])
            .whereRef('prompt_label.org', '=', 'first.org')
            .whereRef('prompt_label.name', '=', 'first.name')
            .whereRef('prompt_label.label', '=', 'first.label')
            .orderBy('prompt_label.seq', 'desc')
            .limit(1)
            .as('newest'),
        (join) => join.onTrue(),
      )
      .innerJoin('prompt', (join) =>
        join.onRef('prompt.id', '=', 'newest.prompt_id').onRef('prompt.org', '=', 'first.org'),
      )
      .selectAll('prompt')
      .where('first.org', '=', org) // guard: org-list-label
      .where('first.label', '=', label)
      // Written into the statement: a parameter would hide from the planner that there is an index of these.
      .where('first.seq', '=', sql.lit(1))
      .where('newest.version', '>', 0)
      .where('prompt.deleted_at', deleted ? 'is not' : 'is', null);
    if (prefix !== undefined) query = query.where('first.name', '>=', prefix).where('first.name', '<', `${prefix}~`);
    if (after !== undefined) {
      query = query.where((eb) => eb(eb.refTuple('first.name', 'prompt.id'), '>', eb.tuple(...after)));
      // The index knows names alone.
      query = query.where('first.name', '>=', after[0]);
    }
    return query.orderBy('first.name').orderBy('prompt.id').limit(limit).execute();
  }

  /** Takes the next version number for an insert in the same transaction. False if `version` is not the next one. */
  async claimVersion(trx: VaultTransaction, org: string, id: string, version: number): Promise<boolean> {
    const result = await trx
      .updateTable('prompt')
      .set({ latest_version: version, updated_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('latest_version', '=', version - 1) // guard: vault-version-claim
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Holds a prompt for a change in the same transaction: others wait. False if it is deleted. */
  async touch(trx: VaultTransaction, org: string, id: string): Promise<boolean> {
    const result = await trx
      .updateTable('prompt')
      .set({ updated_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Marks a prompt as deleted and frees its name; one that is deleted stays as it is. */
  async markDeleted(trx: VaultTransaction, org: string, id: string): Promise<void> {
    await trx
      .updateTable('prompt')
      .set({ deleted_at: now })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .execute();
  }
}
