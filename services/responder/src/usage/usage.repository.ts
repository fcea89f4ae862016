import type { UsageCount } from '@bulla/contract';
import { REPORT_RUNS_MAX, USAGE_COUNTS_MAX, USAGE_SUM_MAX } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import type { Clock } from '@bulla/service-kit';
import { agreesWith, purgeInBatches } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { ResponderTables } from '../database/types.js';

/** Reports that are read at once. */
const REPORTS_MAX = 20;
/** How long what runs took waits for a vault that does not take it. */
const UNTOLD_HOURS_MAX = 31 * 24;

/** A report as it is sent. */
export interface WaitingReport {
  readonly id: string;
  readonly counts: readonly UsageCount[];
}

/** The counts of a report, in the form of the contract. */
const allCounts = sql<string>`jsonb_agg(jsonb_build_object(
  'hour', to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:00:00.000"Z"'), 'device', device, 'prompt', prompt, 'model', model,
  'runs', runs, 'failed', failed, 'uncounted', uncounted, 'input_tokens', input_tokens, 'output_tokens', output_tokens,
  'cost', case when currency is not null then jsonb_build_object('currency', currency, 'nanos', cost_nanos) end))`;

/** What runs took, on its way to the vault. */
@Injectable()
export class UsageRepository {
  constructor(private readonly db: Kysely<ResponderTables>) {}

  /**
   * Makes a report of the oldest runs that are in none, and takes them out of the table, in one statement: a run is in one of
   * the two, and in one report. Processes that do this at the same moment take different ones.
   * @returns whether there was something to report
   */
  async gather(org: string): Promise<boolean> {
    const made = await this.db
      .with(
        (name) => name('picked').materialized(),
        (part) =>
          part
            .selectFrom('usage_run')
            .select([
              'id',
              'device',
              'prompt',
              'model',
              'failed',
              'input_tokens',
              'output_tokens',
              'currency',
              'cost_nanos',
            ])
            .select(sql<Date>`date_trunc('hour', ended_at, 'UTC')`.as('hour'))
            .where('org', '=', org)
            .orderBy('id')
            .limit(REPORT_RUNS_MAX)
            .forUpdate()
            .skipLocked(),
      )
      .with(
        (name) => name('counted').materialized(),
        (part) =>
          part
            .selectFrom('picked')
            .select(['hour', 'device', 'prompt', 'model', 'currency', sql<number>`count(*)`.as('runs')])
            .select([
              sql<number>`count(*) filter (where failed)`.as('failed'),
              sql<number>`count(*) filter (where input_tokens is null)`.as('uncounted'),
            ])
            .select([sumOf('input_tokens'), sumOf('output_tokens'), sumOf('cost_nanos')])
            .groupBy(['hour', 'device', 'prompt', 'model', 'currency'])
            .orderBy('hour')
            .limit(USAGE_COUNTS_MAX),
      )
      .with('gone', (part) =>
        part
          .deleteFrom('usage_run')
          .using('picked')
          .innerJoin('counted', (join) =>
            join
              .onRef('picked.hour', '=', 'counted.hour')
              .onRef('picked.device', '=', 'counted.device')
              .onRef('picked.prompt', 'is not distinct from', 'counted.prompt')
              .onRef('picked.model', '=', 'counted.model')
              .onRef('picked.currency', 'is not distinct from', 'counted.currency'),
          )
          .whereRef('usage_run.id', '=', 'picked.id')
          .returning('usage_run.id'),
      )
      .insertInto('usage_report')
      .columns(['id', 'org', 'counts'])
      .expression((part) =>
        part
          .selectFrom('counted')
          .select([
            sql<string>`${mintId('usg')}::text`.as('id'),
            sql<string>`${org}::text`.as('org'),
            allCounts.as('counts'),
          ])
          .having(({ fn }) => fn.countAll(), '>', 0),
      )
      .returning('id')
      .executeTakeFirst();
    return made !== undefined;
  }

  /** Reports that the vault may not have, the oldest first. */
  waiting(org: string): Promise<WaitingReport[]> {
    return this.db
      .selectFrom('usage_report')
      .select(['id', 'counts'])
      .where('org', '=', org) // guard: usage-waiting-org
      .orderBy('id')
      .limit(REPORTS_MAX)
      .execute();
  }

  /** Forgets a report that the vault has. */
  async delivered(org: string, id: string): Promise<void> {
    await this.db.deleteFrom('usage_report').where('org', '=', org).where('id', '=', id).execute();
  }

  /** How many reports the vault may not have. */
  async countWaiting(org: string): Promise<number> {
    const { waiting } = await this.db
      .selectFrom('usage_report')
      .select(({ fn }) => fn.countAll<number>().as('waiting'))
      .where('org', '=', org)
      .executeTakeFirstOrThrow();
    return waiting;
  }

  /** Forgets reports and runs that the vault was not told of for so long. Returns how many of both. */
  async purge(org: string, clock: Clock): Promise<number> {
    const isSure = agreesWith(clock);
    const longAgo = sql<Date>`now() - make_interval(hours => ${UNTOLD_HOURS_MAX})`;
    const reports = await purgeInBatches(async (rows) => {
      const past = this.db
        .selectFrom('usage_report')
        .select('id')
        .where('org', '=', org)
        .where('created_at', '<', longAgo)
        .where(isSure) // guard: usage-unsent-drifted
        .limit(rows);
      const { numDeletedRows } = await this.db
        .deleteFrom('usage_report')
        .where('id', 'in', past)
        .executeTakeFirstOrThrow();
      return numDeletedRows;
    });
    const runs = await purgeInBatches(async (rows) => {
      const past = this.db
        .selectFrom('usage_run')
        .select('id')
        .where('org', '=', org)
        .where('ended_at', '<', longAgo)
        .where(isSure) // guard: usage-ungathered-drifted
        .limit(rows);
      const { numDeletedRows } = await this.db
        .deleteFrom('usage_run')
        .where('id', 'in', past)
        .executeTakeFirstOrThrow();
      return numDeletedRows;
    });
    return reports + runs;
  }
}

/** The sum of a column, where nothing counts as none; what a report can say at most. */
function sumOf<Name extends 'input_tokens' | 'output_tokens' | 'cost_nanos'>(name: Name) {
  return sql<number>`least(coalesce(sum(${sql.ref(name)}), 0), ${sql.lit(USAGE_SUM_MAX)})`.as(name);
}
