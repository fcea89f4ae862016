import type { Expression, ExpressionBuilder, Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';

/** How long a row of a secret that this process does not hold may wait for one that does. */
export const UNKNOWN_MINUTES = 5;

/** How far the log of an organisation is behind. */
export interface Waiting {
  readonly org: string;
  /** Decisions that are not in it yet. */
  readonly rows: number;
  /** Age of the oldest decision that no checkpoint holds: of those that are not in it, or are and nobody signed that. */
  readonly seconds: number;
  /** Those of a secret that this process does not hold, where they have waited for longer than {@link UNKNOWN_MINUTES}. */
  readonly unknown: number;
}

/** Whether a log is the one that is written. The database cannot say: anybody who changes it may put a row there. */
export type IsWritten = (org: string, log: number) => Promise<boolean>;

/** Organisations that have something to be written, signed, or both. @param known ids of the secrets that are held here. */
export async function waitingIn(
  db: Kysely<LedgerTables>,
  known: readonly string[],
  isWritten: IsWritten,
): Promise<Waiting[]> {
  // An infinite time, which anybody may write there, has no age.
  const age = (at: Expression<Date>) => sql<number>`coalesce(extract(epoch from clock_timestamp()
    - least(greatest(${at}, clock_timestamp() - make_interval(hours => 876000)), clock_timestamp())), 0)::float8`;
  const found = await db.transaction().execute(async (trx) => {
    // What was taken stays in the table until that is vacuumed. A scan of the table reads all of it at each look; one of
    // its key marks what is gone and passes it over.
    await sql`set local enable_seqscan = off`.execute(trx);
    // To compile what so costs more than it seems takes longer than to run it, and locks are held meanwhile.
    await sql`set local jit = off`.execute(trx);
    return trx
      .selectFrom('audit_outbox')
      .select(['org', sql<number | null>`null::integer`.as('log')])
      .select(({ fn }) => fn.countAll<number>().as('rows'))
      .select(({ fn }) => age(fn.min('at')).as('seconds'))
      .select(sql<number>`count(*) filter (where ${isUncheckable(known)})`.as('unknown'))
      .groupBy('org')
      .unionAll(
        trx
          .selectFrom('audit_log')
          .select(['org', 'log', sql<number>`0`.as('rows')])
          // guard: audit-lag-unsigned without: .select(sql<number>`0`.as('seconds'))
          .select((eb) => age(oldestUnsigned(eb)).as('seconds'))
          .select(sql<number>`0`.as('unknown'))
          .whereRef('checkpoint_size', '<', 'size'),
      )
      .execute();
  });
  const waiting = new Map<string, Waiting>();
  for (const one of found) {
    // One that was lost or planted is signed no more, and waits for nobody.
    // guard: waiting-written
    if (one.log !== null && !(await isWritten(one.org, one.log))) continue;
    const before = waiting.get(one.org) ?? one;
    const larger = (of: 'rows' | 'seconds' | 'unknown') => Math.max(before[of], one[of]);
    waiting.set(one.org, {
      org: one.org,
      rows: larger('rows'),
      seconds: larger('seconds'),
      unknown: larger('unknown'),
    });
  }
  return [...waiting.values()].toSorted((one, other) => one.rows - other.rows);
}

/** Whether nobody came for a row of the outbox who can check it. */
export function isUncheckable(known: readonly string[]) {
  return sql<boolean>`not coalesce(secret_id = any(${known}::text[]), false)
    and (at < clock_timestamp() - make_interval(mins => ${sql.lit(UNKNOWN_MINUTES)})
      or at > clock_timestamp() + make_interval(hours => 24))`;
}

/** When the first entry of a log that no checkpoint holds was written. */
function oldestUnsigned(eb: ExpressionBuilder<LedgerTables, 'audit_log'>) {
  return eb
    .selectFrom('audit_entry')
    .select('audit_entry.at')
    .whereRef('audit_entry.org', '=', 'audit_log.org')
    .whereRef('audit_entry.log', '=', 'audit_log.log')
    .whereRef('audit_entry.idx', '=', 'audit_log.checkpoint_size')
    .orderBy('audit_entry.at')
    .limit(1) // guard: waiting-one
    .$castTo<{ at: Date }>() as unknown as Expression<Date>;
}
