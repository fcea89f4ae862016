import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from './ledger-tables.js';

const BATCH_ROWS = 1_000;
const BATCHES_MAX = 20;

/**
 * Deletes nonces and answers that are past their time, in small batches so that nobody waits for it long.
 * @param now seconds.
 * @returns how many of each; what is left over is for the next time.
 */
export async function purgeExpired(
  db: Kysely<LedgerTables>,
  now: number,
): Promise<{ nonces: number; answers: number }> {
  return {
    nonces: await purge(db, 'http_nonce', now),
    answers: await purge(db, 'idempotency', now),
  };
}

async function purge(db: Kysely<LedgerTables>, table: 'http_nonce' | 'idempotency', now: number): Promise<number> {
  let purged = 0;
  for (let batch = 0; batch < BATCHES_MAX; batch++) {
    const expired = db.selectFrom(table).select(sql`ctid`.as('at')).where('expires_at', '<', now).limit(BATCH_ROWS);
    const { numDeletedRows } = await db
      .deleteFrom(table)
      .where(sql<boolean>`ctid = any(array(${expired}))`)
      .executeTakeFirstOrThrow();
    purged += Number(numDeletedRows);
    if (numDeletedRows < BATCH_ROWS) break;
  }
  return purged;
}
