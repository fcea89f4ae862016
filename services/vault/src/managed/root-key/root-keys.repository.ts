import { databaseFault } from '@bulla/service-kit';
import type { Kysely, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { VaultTables } from '../../database/types.js';
import type { VaultSource, VaultTransaction } from '../../database/vault-database.js';

export type RootKeyRow = Selectable<VaultTables['root_key']>;

const UNDEFINED_TABLE = '42P01';
/** A process that has said nothing for so long is gone. */
const GONE_AFTER_SECONDS = 60;

/** The names of root keys, and which process holds which. None of these rows is of one organisation: a root key is the vault's. */
export class RootKeysRepository {
  constructor(readonly db: Kysely<VaultTables>) {}

  /** All that were ever used; none where the tables are not made yet. */
  async known(source: VaultSource = this.db): Promise<RootKeyRow[]> {
    try {
      return await source.selectFrom('root_key').selectAll().orderBy('created_at').orderBy('kid').execute();
    } catch (error) {
      if (databaseFault(error)?.code === UNDEFINED_TABLE) return [];
      throw error;
    }
  }

  /** The same, held until the transaction ends: nothing is promoted meanwhile. */
  knownFixed(trx: VaultTransaction, strength: 'share' | 'update'): Promise<RootKeyRow[]> {
    const rows = trx.selectFrom('root_key').selectAll().orderBy('kid');
    return (strength === 'share' ? rows.forShare() : rows.forUpdate()).execute();
  }

  /** Takes a key in; the first of all is active at once. Of two processes that bring the same, one does. */
  async add(trx: VaultTransaction, kid: string, check: string, state: 'active' | 'pre-active'): Promise<void> {
    const now = sql<Date>`now()`;
    await trx
      .insertInto('root_key')
      .values({ kid, check_value: check, state, ...(state === 'active' && { activated_at: now as never }) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** The one that is staged becomes the one under which new keys go. */
  async promote(trx: VaultTransaction, kid: string): Promise<void> {
    await trx
      .updateTable('root_key')
      .set({ state: 'deactivated', deactivated_at: sql<Date>`now()` })
      .where('state', '=', 'active')
      .execute();
    await trx
      .updateTable('root_key')
      .set({ state: 'active', activated_at: sql<Date>`now()` })
      .where('kid', '=', kid)
      .execute();
  }

  /** Says that a process is there, and what it holds. */
  async hold(trx: VaultSource, id: string, kids: readonly string[]): Promise<void> {
    const row = { root_kids: [...kids], seen_at: sql<Date>`clock_timestamp()` as never };
    await trx
      .insertInto('vault_process')
      .values({ id, ...row })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
      .execute();
    await trx
      .deleteFrom('vault_process')
      .where('seen_at', '<', sql<Date>`now() - make_interval(secs => ${GONE_AFTER_SECONDS})`)
      .execute();
  }

  async leave(id: string): Promise<void> {
    await this.db.deleteFrom('vault_process').where('id', '=', id).execute();
  }

  /** Of the processes that are there, how many hold a key and how many do not. */
  async holders(kid: string, source: VaultSource = this.db): Promise<{ with: number; without: number }> {
    const rows = await source
      .selectFrom('vault_process')
      .select(sql<boolean>`${kid} = any(root_kids)`.as('holds'))
      .where('seen_at', '>=', sql<Date>`now() - make_interval(secs => ${GONE_AFTER_SECONDS})`)
      .execute();
    const holding = rows.filter(({ holds }) => holds).length;
    return { with: holding, without: rows.length - holding };
  }

  /** How many KEKs are under each root key, of all organisations; destroyed ones are not. */
  async objects(source: VaultSource = this.db): Promise<ReadonlyMap<string, number>> {
    const rows = await source
      .selectFrom('kek')
      .select(['root_kid', sql<number>`count(*)::int`.as('count')])
      .where('state', '<>', 'destroyed')
      .groupBy('root_kid')
      .execute();
    return new Map(rows.map(({ root_kid: kid, count }) => [kid, count]));
  }
}
