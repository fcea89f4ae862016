import { SKEW_SECONDS } from '@bulla/crypto';
import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { databaseMs } from '../database/clock-drift.js';
import type { HttpNonceTable, LedgerTables } from './ledger-tables.js';

/**
 * How long a nonce is known past its end. The process that takes the signature may be off by one skew, and takes a
 * signature for one skew past its end. The database forgets the nonce by its own clock, which may be off by a third
 * skew. The fourth is there to spare.
 */
const EXTRA_SECONDS = 4 * SKEW_SECONDS;
/** For this transaction, also where a pooler shares the connections of a server that are not set so. */
export const durably = sql<string>`set_config('synchronous_commit', 'on', true)`;

/** The row of a request's nonce. */
export function nonceRow({ org, keyid, evidence: { nonce, expires } }: Signatory): HttpNonceTable {
  return { org, keyid, nonce, expires_at: expires + EXTRA_SECONDS };
}

/**
 * Uses the nonce of a request. The unique key decides, also between two at the same moment.
 * @returns what the clock of the database says, in milliseconds; undefined if this signature was seen before.
 */
export async function useNonce(trx: Kysely<LedgerTables>, caller: Signatory): Promise<number | undefined> {
  const used = await trx
    .insertInto('http_nonce')
    .values(nonceRow(caller))
    .onConflict((conflict) => conflict.columns(['keyid', 'nonce']).doNothing())
    .returning(databaseMs.as('theirsMs'))
    .returning(durably.as('durably')) // guard: durable-claim
    .executeTakeFirst();
  return used?.theirsMs;
}
