import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';
import type { VaultTables } from '../database/types.js';

export type PromptRow = Selectable<VaultTables['prompt']>;

export interface PromptFilter {
  readonly org: string;
  /** Only names that begin with this. */
  readonly prefix?: string | undefined;
  /** Only prompts that bear this label now. */
  readonly label?: string | undefined;
  readonly deleted: boolean;
  /** Name and id of the row before the page: deleted prompts may share a name. */
  readonly after?: readonly [name: string, id: string] | undefined;
  readonly limit: number;
}

@Injectable()
export class PromptsRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** Adds a prompt. Undefined if its id or its name is taken: the unique keys decide. */
  insert(trx: VaultTransaction, row: { id: string; org: string; name: string; type: 'text' | 'chat' }): Promise<PromptRow | undefined> {
    return trx
      .insertInto('prompt')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  find(org: string, id: string): Promise<PromptRow | undefined> {
    return this.database.db.selectFrom('prompt').selectAll().where('org', '=', org).where('id', '=', id).executeTakeFirst();
  }

  /** The prompt that bears a name now; deleted ones have given theirs up. */
  findByName(org: string, name: string): Promise<PromptRow | undefined> {
    return this.database.db
      .selectFrom('prompt')
      .selectAll()
      .where('org', '=', org)
      .where('name', '=', name)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
  }

  /** One page by name, in the order of bytes. */
  list(filter: PromptFilter): Promise<PromptRow[]> {
    let query = this.database.db.selectFrom('prompt').selectAll().where('org', '=', filter.org);
    query = query.where('deleted_at', filter.deleted ? 'is not' : 'is', null);
    // Names hold no character above '~' or '%', '\'; a prefix is a range, and '_' is no wildcard.
    if (filter.prefix !== undefined) query = query.where('name', '>=', filter.prefix).where('name', '<', `${filter.prefix}~`);
    if (filter.after !== undefined) {
      const [afterName, afterId] = filter.after;
      query = query.where(({ eb, or, and }) => or([eb('name', '>', afterName), and([eb('name', '=', afterName), eb('id', '>', afterId)])]));
    }
    if (filter.label !== undefined) {
      query = query.where('id', 'in', (select) =>
        select
          .selectFrom('prompt_label as newest')
          .select('newest.prompt_id')
          .where('newest.org', '=', filter.org)
          .where('newest.label', '=', filter.label ?? '')
          .where('newest.version', '>', 0)
          .where('newest.seq', '=', (inner) =>
            inner
              .selectFrom('prompt_label as all')
              .select((expression) => expression.fn.max('all.seq').as('seq'))
              .where('all.org', '=', filter.org)
              .whereRef('all.name', '=', 'newest.name')
              .whereRef('all.label', '=', 'newest.label'),
          ),
      );
    }
    return query.orderBy('name').orderBy('id').limit(filter.limit).execute();
  }

  /** Takes the next version number for an insert in the same transaction. False if `version` is not the next one. */
  async claimVersion(trx: VaultTransaction, org: string, id: string, version: number): Promise<boolean> {
    const result = await trx
      .updateTable('prompt')
      .set({ latest_version: version, updated_at: new Date() })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('latest_version', '=', version - 1)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Marks a prompt as deleted and frees its name. False if it was deleted already. */
  async markDeleted(trx: VaultTransaction, org: string, id: string): Promise<boolean> {
    const result = await trx
      .updateTable('prompt')
      .set({ deleted_at: new Date() })
      .where('org', '=', org)
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }
}
