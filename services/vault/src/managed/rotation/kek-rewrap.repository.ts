import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { VaultSource } from '../../database/vault-database.js';
import { VaultDatabase } from '../../database/vault-database.js';

/** A data key under a KEK, with what it is bound to. */
export interface BoundWrap {
  readonly prompt_id: string;
  readonly version: number;
  readonly kek_version: number;
  readonly wrap: string;
  readonly dek_id: string;
  readonly chash: string;
  readonly dkc: string | null;
}

/** Where a pass through all of them is. */
export type Place = Pick<BoundWrap, 'prompt_id' | 'version' | 'kek_version'>;
/** Before all of them. */
export const BEGINNING: Place = { kek_version: 0, prompt_id: '', version: 0 };

/** The same under the new one. */
export type Rewrapped = Pick<BoundWrap, 'prompt_id' | 'version' | 'kek_version' | 'wrap'>;

/** Moves data keys from one KEK to another. */
@Injectable()
export class KekRewrapRepository {
  constructor(private readonly database: VaultDatabase) {}

  /** The next data keys, in the order of {@link Place}, that are under an earlier KEK than this. */
  next(org: string, active: number, after: Place, limit: number): Promise<BoundWrap[]> {
    return (
      this.database.db
        .selectFrom('kek_wrap as w')
        .innerJoin('prompt_version as v', (join) =>
          join.onRef('v.prompt_id', '=', 'w.prompt_id').onRef('v.version', '=', 'w.version'),
        )
        .select(['w.prompt_id', 'w.version', 'w.kek_version', 'w.wrap', 'v.dek_id', 'v.chash', 'v.dkc'])
        .where('w.org', '=', org)
        // The newest KEK is the active one, so that those before it are the others.
        .where('w.kek_version', '<', active)
        .where(
          sql<boolean>`(w.kek_version, w.prompt_id, w.version) > (${after.kek_version}, ${after.prompt_id}, ${after.version})`,
        )
        .orderBy('w.kek_version')
        .orderBy('w.prompt_id')
        .orderBy('w.version')
        .limit(limit)
        .execute()
    );
  }

  /** How many data keys an organisation has. */
  async all(org: string, source: VaultSource = this.database.db): Promise<number> {
    const { all } = await source
      .selectFrom('kek_wrap')
      .select(sql<number>`count(*)::int`.as('all'))
      .where('org', '=', org)
      .executeTakeFirstOrThrow();
    return all;
  }

  /** How many of them are not under the active KEK. */
  async pending(org: string): Promise<number> {
    const { pending } = await this.database.db
      .selectFrom('kek_wrap as w')
      .select(sql<number>`count(*)::int`.as('pending'))
      .where('w.org', '=', org)
      .where('w.kek_version', '<', (eb) =>
        eb
          .selectFrom('kek')
          .select('version')
          .whereRef('kek.org', '=', 'w.org')
          .where('kek.state', '=', 'active')
          .$asScalar(),
      )
      .executeTakeFirstOrThrow();
    return pending;
  }

  /** The same of all organisations. */
  async pendingOfAll(): Promise<number> {
    const { pending } = await this.database.db
      .selectFrom('kek')
      .innerJoin('kek_wrap as w', (join) =>
        join.onRef('w.org', '=', 'kek.org').onRef('w.kek_version', '=', 'kek.version'),
      )
      .select(sql<number>`count(*)::int`.as('pending'))
      .where('kek.state', '=', 'deactivated')
      .where('kek.emptied_at', 'is', null)
      .executeTakeFirstOrThrow();
    return pending;
  }

  /**
   * Puts data keys under the active KEK. A row that somebody else works on, has changed or has deleted is passed over: if it
   * is still there, the next step finds it.
   * @returns how many went under it
   * @throws whatever the database says, also where the KEK is not active any more
   */
  async move(org: string, active: number, rows: readonly Rewrapped[]): Promise<number> {
    const given = sql<Rewrapped>`(select * from unnest(${rows.map((row) => row.prompt_id)}::text[],
      ${rows.map((row) => row.version)}::int[], ${rows.map((row) => row.kek_version)}::int[],
      ${rows.map((row) => row.wrap)}::text[]) as t (prompt_id, version, kek_version, wrap))`.as<'given'>('given');
    const { numUpdatedRows } = await this.database.db
      .with('free', (db) =>
        db
          .selectFrom('kek_wrap as w')
          .innerJoin(given, (join) =>
            join
              .onRef('given.prompt_id', '=', 'w.prompt_id')
              .onRef('given.version', '=', 'w.version')
              .onRef('given.kek_version', '=', 'w.kek_version'),
          )
          .select(['w.prompt_id', 'w.version', 'given.wrap'])
          .where('w.org', '=', org)
          .forUpdate('w')
          .skipLocked(),
      )
      .updateTable('kek_wrap')
      .from('free')
      .set((eb) => ({ kek_version: active, wrap: eb.ref('free.wrap') }))
      .whereRef('kek_wrap.prompt_id', '=', 'free.prompt_id')
      .whereRef('kek_wrap.version', '=', 'free.version')
      .where('kek_wrap.org', '=', org)
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  }
}
