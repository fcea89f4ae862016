import { AuditOutbox, auditOfService, brokenConstraint } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { KEK_USES_MAX } from '../../database/key-tables.js';
import type { VaultTables } from '../../database/types.js';
import type { VaultSource, VaultTransaction } from '../../database/vault-database.js';
import { VaultDatabase } from '../../database/vault-database.js';

export type KekRow = Selectable<VaultTables['kek']>;

/** A KEK that is to come. */
export type NewKek = Pick<KekRow, 'org' | 'version' | 'root_kid'> & { readonly wrapped: string };

const now = sql<Date>`now()`;

/** The KEKs of organisations, wrapped under a root key. */
@Injectable()
export class KeksRepository {
  constructor(
    private readonly database: VaultDatabase,
    private readonly outbox: AuditOutbox,
  ) {}

  find(org: string, version: number): Promise<KekRow | undefined> {
    return this.database.db
      .selectFrom('kek')
      .selectAll()
      .where('org', '=', org)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  active(org: string, source: VaultSource = this.database.db): Promise<KekRow | undefined> {
    return source.selectFrom('kek').selectAll().where('org', '=', org).where('state', '=', 'active').executeTakeFirst();
  }

  /** All of an organisation, the newest first, with how many data keys are under each. */
  list(org: string, limit: number): Promise<(KekRow & { readonly wraps: number })[]> {
    return this.database.db
      .selectFrom('kek')
      .selectAll()
      .select((eb) =>
        eb
          .selectFrom('kek_wrap')
          .select(sql<number>`count(*)::int`.as('count'))
          .whereRef('kek_wrap.org', '=', 'kek.org')
          .whereRef('kek_wrap.kek_version', '=', 'kek.version')
          .$asScalar()
          .$notNull()
          .as('wraps'),
      )
      .where('org', '=', org)
      .orderBy('version', 'desc')
      .limit(limit)
      .execute();
  }

  newest(org: string): Promise<KekRow | undefined> {
    return this.database.db
      .selectFrom('kek')
      .selectAll()
      .where('org', '=', org)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /**
   * Adds a KEK that is not in use yet.
   * @returns false where another process was first, or the root key was replaced meanwhile
   */
  async add({ org, version, root_kid, wrapped }: NewKek): Promise<boolean> {
    try {
      const result = await this.database.db
        .insertInto('kek')
        .values({ org, version, root_kid, wrapped, state: 'pre-active' })
        .onConflict((conflict) => conflict.columns(['org', 'version']).doNothing())
        .executeTakeFirstOrThrow();
      return Number(result.numInsertedOrUpdatedRows) === 1;
    } catch (error) {
      if (brokenConstraint(error) === 'kek_under_active_root') return false;
      throw error;
    }
  }

  /**
   * The one of this version becomes the active one, and the one before it is not used for anything new any more.
   * @returns whether it was done here: false where it has been active already
   */
  activate(org: string, version: number, nowMs: number): Promise<boolean> {
    return this.database.db.transaction().execute(async (trx) => {
      // One process of all at a time, also where there is none to be replaced yet.
      await trx.selectFrom('kek').select('version').where('org', '=', org).orderBy('version').forUpdate().execute();
      const before = await this.active(org, trx);
      if (before !== undefined && before.version >= version) return false;
      await trx
        .updateTable('kek')
        .set({ state: 'deactivated', deactivated_at: now })
        .where('org', '=', org)
        .where('state', '=', 'active')
        .execute();
      const { numUpdatedRows } = await trx
        .updateTable('kek')
        .set({ state: 'active', activated_at: now })
        .where('org', '=', org)
        .where('version', '=', version)
        .where('state', '=', 'pre-active')
        .executeTakeFirstOrThrow();
      if (numUpdatedRows !== 1n) throw new Error('a KEK to be activated is gone');
      const obj = { kek: version, ...(before !== undefined && { before: before.version }) };
      await this.audit(trx, org, { act: 'kek.activate', obj }, nowMs);
      return true;
    });
  }

  /**
   * Reserves uses of a KEK: what is reserved counts as used, whether it is or not.
   * @returns false where it is not active any more, or has been used as often as it may
   */
  async reserve(org: string, version: number, uses: number): Promise<boolean> {
    const { numUpdatedRows } = await this.database.db
      .updateTable('kek')
      .set((eb) => ({ uses_reserved: eb('uses_reserved', '+', uses) }))
      .where('org', '=', org)
      .where('version', '=', version)
      .where('state', '=', 'active')
      // guard: kek-uses without: .where('uses_reserved', '>=', 0)
      .where('uses_reserved', '<=', KEK_USES_MAX - uses)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  /** Organisations whose KEK has been active for long, or was used often. */
  due(before: Date, uses: number): Promise<Pick<KekRow, 'org'>[]> {
    return this.database.db
      .selectFrom('kek')
      .select('org')
      .where('state', '=', 'active')
      .where((eb) => eb.or([eb('activated_at', '<', before), eb('uses_reserved', '>=', uses)]))
      .execute();
  }

  /** Since when the oldest active KEK of all organisations has been active. */
  async oldestActive(): Promise<Date | undefined> {
    const { oldest } = await this.database.db
      .selectFrom('kek')
      .select((eb) => eb.fn.min('activated_at').as('oldest'))
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow();
    return oldest ?? undefined;
  }

  /** Notes which KEKs that are not active have no data key under them. */
  async noteEmpty(): Promise<void> {
    await this.database.db
      .updateTable('kek')
      .set({ emptied_at: now })
      .where('state', '=', 'deactivated')
      .where('emptied_at', 'is', null)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('kek_wrap')
              .select('version')
              .whereRef('kek_wrap.org', '=', 'kek.org')
              .whereRef('kek_wrap.kek_version', '=', 'kek.version'),
          ),
        ),
      )
      .execute();
  }

  /** Those that have been without a data key since a moment. */
  emptySince(moment: Date): Promise<Pick<KekRow, 'org' | 'version'>[]> {
    return this.database.db
      .selectFrom('kek')
      .select(['org', 'version'])
      .where('state', '=', 'deactivated')
      .where('emptied_at', '<', moment)
      .execute();
  }

  /** Forgets a KEK for ever; the table refuses it while a data key is under it. */
  destroy(org: string, version: number, nowMs: number): Promise<void> {
    return this.database.db.transaction().execute(async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('kek')
        .set({ state: 'destroyed', wrapped: null, destroyed_at: now })
        .where('org', '=', org)
        .where('version', '=', version)
        .where('state', '=', 'deactivated')
        .executeTakeFirstOrThrow();
      if (numUpdatedRows === 1n) await this.audit(trx, org, { act: 'kek.destroy', obj: { kek: version } }, nowMs);
    });
  }

  private async audit(
    trx: VaultTransaction,
    org: string,
    entry: Parameters<typeof auditOfService>[1],
    nowMs: number,
  ): Promise<void> {
    await this.outbox.write(trx, { org, event: auditOfService(org, entry, nowMs), evidence: null });
  }
}
