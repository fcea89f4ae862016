import { setTimeout as pause } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { agreesWith, databaseSeconds } from '../database/clock-drift.js';
import type { Clock } from '../process/clock.js';
import type { LedgerTables } from './ledger-tables.js';

const BATCH_ROWS = 1_000;
/** Half a million rows: more than all callers may make between two purges, or a table would grow for ever. */
const BATCHES_MAX = 500;

/**
 * Repeats a statement that takes so many rows at most until there were fewer: in small batches nobody waits for it long.
 * Between two it rests for as long as the last one took, so that it has half of the database's time at most.
 * @returns how many rows in all; what is left over is for the next time.
 */
export async function purgeInBatches(batch: (rows: number) => Promise<bigint>): Promise<number> {
  let purged = 0;
  for (let batches = 0; batches < BATCHES_MAX; batches++) {
    const startMs = performance.now();
    const rows = Number(await batch(BATCH_ROWS));
    purged += rows;
    if (rows < BATCH_ROWS) break;
    await pause(performance.now() - startMs);
  }
  return purged;
}

/**
 * Deletes nonces and answers that are past their time by the clock of the database; none while the one of this process
 * does not agree with it.
 * @returns how many of each.
 */
export async function purgeExpired(
  db: Kysely<LedgerTables>,
  clock: Clock,
): Promise<{ nonces: number; answers: number }> {
  return {
    nonces: await purge(db, 'http_nonce', clock),
    answers: await purge(db, 'idempotency', clock),
  };
}

function purge(db: Kysely<LedgerTables>, table: 'http_nonce' | 'idempotency', clock: Clock): Promise<number> {
  return purgeInBatches(async (rows) => {
    const expired = db
      .selectFrom(table)
      .select(sql`ctid`.as('at'))
      .where('expires_at', '<', databaseSeconds)
      .where(agreesWith(clock)) // guard: purge-drifted
      .limit(rows);
    const { numDeletedRows } = await db
      .deleteFrom(table)
      .where(sql<boolean>`ctid = any(array(${expired}))`)
      .executeTakeFirstOrThrow();
    return numDeletedRows;
  });
}
