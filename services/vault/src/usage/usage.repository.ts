import { USAGE_SUM_MAX } from '@bulla/contract';
import type { Cost, UsageBy, UsageCount } from '@bulla/contract';
import type { Clock } from '@bulla/service-kit';
import { agreesWith } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { UsageSums } from '../database/types.js';
import type { VaultTransaction } from '../database/vault-database.js';
import { VaultDatabase } from '../database/vault-database.js';

/** Which usage is added up, and by what. */
export interface UsageFilter {
  readonly org: string;
  readonly by: UsageBy;
  /** Only what this one asked. */
  readonly device: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  /** The keys of the sum before the page. */
  readonly after: { readonly key: string; readonly word: string } | undefined;
  readonly limit: number;
}

export interface UsageRow extends UsageSums {
  /** What it was added up by, as a cursor has it. */
  readonly key: string;
  /** Whose word it is, in the same form. */
  readonly word: string;
  /** Its URN. */
  readonly responder: string;
  /** Added up by models. */
  readonly model: string;
  /** The prompt's, added up by prompts. */
  readonly name: string | null;
  /** Of so many runs no cost is known. */
  readonly unpriced: number;
  readonly costs: readonly Cost[];
}

const SUMS = ['runs', 'failed', 'uncounted', 'input_tokens', 'output_tokens'] as const;
/** What tells counts of a responder from each other. */
const PLACE = ['hour', 'device', 'prompt', 'model', 'currency'] as const;
const most = sql.lit(USAGE_SUM_MAX);
/** Of each currency, the largest first. */
const costs = sql<
  Cost[]
>`coalesce(jsonb_agg(jsonb_build_object('currency', currency, 'nanos', cost_nanos) order by cost_nanos desc, currency)
  filter (where currency is not null), '[]')`.as('costs');
/** A report that comes again after its hours were forgotten must not count them anew. */
const REPORT_DAYS_LONGER = 1;
/** Also where the server's time zone has a day of 23 or 25. */
const DAY_HOURS = 24;

/** What responders reported, added up by hours. Times are those of the database. */
@Injectable()
export class UsageRepository {
  constructor(
    private readonly database: VaultDatabase,
    private readonly days: number,
  ) {}

  /**
   * Adds what a report counts, unless it was taken before: of two that come at once the key of the report lets one in.
   * @returns how many counts were added
   */
  async take(
    trx: VaultTransaction,
    { org, responder, id }: { readonly org: string; readonly responder: string; readonly id: string },
    counts: readonly UsageCount[],
  ): Promise<number> {
    const report = await trx
      .insertInto('usage_report')
      .values({ org, responder, id })
      .onConflict((conflict) => conflict.columns(['org', 'responder', 'id']).doNothing())
      .executeTakeFirstOrThrow();
    // guard: usage-report-once
    if (report.numInsertedOrUpdatedRows === 0n) return 0;
    const given = sql`
      (select hour, device, prompt, model, cost ->> 'currency' as currency, runs, failed, uncounted, input_tokens,
        output_tokens, coalesce((cost ->> 'nanos')::bigint, 0) as cost_nanos
      from jsonb_to_recordset(${JSON.stringify(counts)}::jsonb) as given (hour timestamptz, device text, prompt text,
        model text, runs bigint, failed bigint, uncounted bigint, input_tokens bigint, output_tokens bigint, cost jsonb))`;
    const added = Object.fromEntries(
      [...SUMS, 'cost_nanos'].map((name) => [
        name,
        sql<number>`least(usage_hour.${sql.id(name)} + excluded.${sql.id(name)}, ${most})`,
      ]),
    );
    const { numInsertedOrUpdatedRows } = await trx
      .insertInto('usage_hour')
      .columns(['org', 'responder', ...PLACE, ...SUMS, 'cost_nanos'])
      .expression((eb) =>
        eb
          .selectFrom(given.as('given') as never)
          .select([sql`${org}::text`.as('org'), sql`${responder}::text`.as('responder')])
          .select([...PLACE, ...SUMS, 'cost_nanos'] as never)
          .where(sql<boolean>`hour >= ${this.#begin()}`) // guard: usage-past
          // So that no two reports wait for each other.
          .orderBy(sql`hour, device, prompt, model, currency`),
      )
      .onConflict((conflict) => conflict.constraint('usage_hour_key').doUpdateSet(added))
      .executeTakeFirstOrThrow();
    return Number(numInsertedOrUpdatedRows);
  }

  /** One page of sums by their keys: of one responder each, so that what one says falsely spoils no other's. */
  list({ org, by, device, since, until, after, limit }: UsageFilter): Promise<UsageRow[]> {
    const counts = this.database.db
      .selectFrom('usage_hour')
      .select([KEYS[by](org).as('key'), urnKey(org, 'responder').as('word'), 'responder'])
      .select(['prompt', 'model', 'currency', 'cost_nanos', ...SUMS])
      .where('org', '=', org) // guard: org-usage
      .$if(device !== undefined, (query) => query.where('device', '=', device ?? ''))
      .$if(since !== undefined, (query) =>
        query.where('hour', '>=', sql<Date>`date_trunc('hour', ${since}::timestamptz, 'UTC')`),
      )
      .$if(until !== undefined, (query) => query.where('hour', '<', sql<Date>`${until}::timestamptz`));
    const byCurrency = this.database.db
      .selectFrom(counts.as('counts'))
      .select(['key', 'word', 'currency', sql<string>`min(responder)`.as('responder')])
      .select([sql<string>`min(model)`.as('model'), sql<string | null>`min(prompt)`.as('prompt')])
      .select([...SUMS, 'cost_nanos' as const].map((name) => sumOf(name)))
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(key, word) > (${after?.key ?? ''}, ${after?.word ?? ''})`),
      )
      .groupBy(['key', 'word', 'currency']);
    const sums = this.database.db
      .selectFrom(byCurrency.as('counts'))
      .select(['key', 'word', sql<string>`min(responder)`.as('responder')])
      .select([sql<string>`min(model)`.as('model'), sql<string | null>`min(prompt)`.as('prompt')])
      .select(SUMS.map((name) => sumOf(name)))
      .select([sql<number>`coalesce(sum(runs) filter (where currency is null), 0)::int8`.as('unpriced'), costs])
      .groupBy(['key', 'word'])
      .orderBy('key')
      .orderBy('word')
      .limit(limit);
    // One lookup for each row of the page: a join may read every prompt.
    const name = this.database.db
      .selectFrom('prompt')
      .select('prompt.name')
      .whereRef('prompt.id', '=', sql.ref('sums.prompt'))
      .where('prompt.org', '=', org); // guard: org-usage-names
    return this.database.db
      .selectFrom(sums.as('sums'))
      .select(['sums.key', 'sums.word', 'sums.responder', 'sums.model', ...SUMS, 'unpriced', 'costs'])
      .select(sql<string | null>`(${name})`.as('name'))
      .orderBy('sums.key')
      .orderBy('sums.word')
      .execute();
  }

  /** Removes so many counts, of every organisation, of hours that are past their time. Returns how many there were. */
  async purgeHours(clock: Clock, limit: number): Promise<bigint> {
    const past = this.database.db
      .selectFrom('usage_hour')
      .select(sql`ctid`.as('at'))
      .where('hour', '<', this.#begin())
      .where(agreesWith(clock)) // guard: usage-purge-drifted
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('usage_hour')
      .where(sql<boolean>`ctid = any(array(${past}))`)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }

  /** As {@link purgeHours}, what is known of reports. */
  async purgeReports(clock: Clock, limit: number): Promise<bigint> {
    const past = this.database.db
      .selectFrom('usage_report')
      .select(sql`ctid`.as('at'))
      .where('created_at', '<', this.#begin(REPORT_DAYS_LONGER))
      .where(agreesWith(clock)) // guard: usage-report-purge-drifted
      .limit(limit);
    const { numDeletedRows } = await this.database.db
      .deleteFrom('usage_report')
      .where(sql<boolean>`ctid = any(array(${past}))`)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  }

  /** The first moment of which something is kept. */
  #begin(longer = 0): RawBuilder<Date> {
    return sql<Date>`now() - make_interval(hours => ${(this.days + longer) * DAY_HOURS}::integer)`;
  }
}

/** What tells sums from each other, as text that stands in a cursor and has an order of its own. */
const KEYS: Readonly<Record<UsageBy, (org: string) => RawBuilder<string>>> = {
  device: (org) => urnKey(org, 'device'),
  prompt: () => sql`coalesce(prompt, ${NO_PROMPT}::text) collate "C"`,
  model: () => sql`encode(sha256(convert_to(model, 'UTF8')), 'hex') collate "C"`,
  hour: () => sql`to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24') collate "C"`,
  day: () => sql`to_char(hour at time zone 'UTC', 'YYYY-MM-DD') collate "C"`,
};

/** The key of chats. */
export const NO_PROMPT = '-';

function urnKey(org: string, column: 'device' | 'responder'): RawBuilder<string> {
  return sql`replace(substr(${sql.ref(column)}, ${startOf(org).length + 1}::integer), ':', '/') collate "C"`;
}

/** The URN of an asker whose key this is. */
export function deviceOfKey(org: string, key: string): string {
  return startOf(org) + key.replaceAll('/', ':');
}

function startOf(org: string): string {
  return `urn:bulla:${org}:`;
}

function sumOf<Name extends keyof UsageSums | 'cost_nanos'>(name: Name) {
  return sql<number>`least(sum(${sql.ref(name)}), ${most})::int8`.as(name);
}
