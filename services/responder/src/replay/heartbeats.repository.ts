import { Statement } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';
import type { Held } from './claims.repository.js';

/** Columns of the claims that are held, as arrays of one length. */
interface AllHeld {
  readonly orgs: readonly string[];
  readonly askers: readonly string[];
  readonly jtis: readonly string[];
  readonly fences: readonly number[];
}

/** What the database says of a claim: its worker is shown to live, it is lost, or somebody has its row locked just now. */
export type SignOfLife = 'shown' | 'lost' | 'locked';

/** Signs of life of many claims at once. */
@Injectable()
export class HeartbeatsRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /**
   * Shows in one statement that the worker of these claims lives, as far as they are its own. It waits for no row: one
   * that is locked must not keep the others from being shown.
   * @returns one for each, in their order
   */
  async beat(all: readonly Held[]): Promise<SignOfLife[]> {
    const rows = await BEAT_ALL.run(this.db, {
      orgs: all.map(({ org }) => org),
      askers: all.map(({ iss }) => iss),
      jtis: all.map(({ jti }) => jti),
      fences: all.map(({ fence }) => fence),
    });
    return rows.map(({ sign }) => sign);
  }
}

const BEAT_ALL = new Statement((db: Kysely<ResponderTables>, { orgs, askers, jtis, fences }: AllHeld) =>
  db
    .with('held', (from) =>
      from
        .selectFrom(
          sql<{ org: string; iss: string; jti: string; fence: number; at: number }>`unnest(
            ${orgs}::text[], ${askers}::text[], ${jtis}::text[], ${fences}::integer[]
          ) with ordinality`.as<'one'>(sql`one (org, iss, jti, fence, at)`),
        )
        .selectAll(),
    )
    // As the statement began. A fence never falls, and no state comes back: what is not so then is lost for ever.
    .with(
      'own',
      (from) =>
        from
          .selectFrom('held')
          .innerJoin('invocation', (join) =>
            join.onRef('invocation.iss', '=', 'held.iss').onRef('invocation.jti', '=', 'held.jti'),
          )
          .select('held.at')
          .whereRef('invocation.org', '=', 'held.org') // guard: heartbeats-org
          .whereRef('invocation.fence', '=', 'held.fence') // guard: heartbeats-fence
          .where('invocation.state', '=', 'running'), // guard: heartbeats-state
    )
    .with('free', (from) =>
      from
        .selectFrom('own')
        .innerJoin('held', 'held.at', 'own.at')
        .innerJoin('invocation', (join) =>
          join
            .onRef('invocation.iss', '=', 'held.iss')
            .onRef('invocation.jti', '=', 'held.jti')
            // Once more for a row that changes between the beginning and its lock.
            .onRef('invocation.fence', '=', 'held.fence')
            .on('invocation.state', '=', 'running'),
        )
        .select(['held.at', 'invocation.iss', 'invocation.jti'])
        .forNoKeyUpdate()
        // guard: heartbeats-locked
        .skipLocked(),
    )
    .with('shown', (from) =>
      from
        .updateTable('invocation')
        .from('free')
        .set({ heartbeat: sql<Date>`now()` })
        .whereRef('invocation.iss', '=', 'free.iss')
        .whereRef('invocation.jti', '=', 'free.jti')
        .returning('free.at'),
    )
    .selectFrom('held')
    .leftJoin('own', 'own.at', 'held.at')
    .leftJoin('shown', 'shown.at', 'held.at')
    .select(
      sql<SignOfLife>`case when shown.at is not null then 'shown' when own.at is null then 'lost' else 'locked' end`.as(
        'sign',
      ),
    )
    .orderBy('held.at'),
);
