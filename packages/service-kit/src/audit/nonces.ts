import { SKEW_SECONDS } from '@bulla/crypto';
import type { Expression, Insertable, Kysely, QueryCreator } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { agreesWithMs, databaseMs } from '../database/clock-drift.js';
import { asText } from '../database/statement.js';
import type { HttpNonceTable, LedgerTables } from './ledger-tables.js';

/**
 * How long a nonce is known past its end. The process that takes the signature may be off by one skew, and takes a
 * signature for one skew past its end. The database forgets the nonce by its own clock, which may be off by a third
 * skew. The fourth is there to spare.
 */
const EXTRA_SECONDS = 4 * SKEW_SECONDS;
/** For this transaction, also where a pooler shares the connections of a server that are not set so. */
const durably = sql<string>`set_config('synchronous_commit', 'on', true)`;

/** The row of a request's nonce. */
function nonceRow({ org, keyid, evidence: { nonce, expires } }: Signatory): Insertable<HttpNonceTable> {
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

/** What is given to a statement that begins with a nonce. */
export interface NonceGiven {
  readonly org: string;
  readonly keyid: string;
  readonly nonce: string;
  /** Seconds: until then it is known. */
  readonly nonceEnds: number;
  /** What the clock of the machine says. */
  readonly machineMs: number;
  /** By which its row is told from one that another request wrote. */
  readonly writeId: string;
}

/** The values of a request's nonce for such a statement. */
export function nonceGiven(caller: Signatory, machineMs: number): NonceGiven {
  const { org, keyid, nonce, expires_at: nonceEnds } = nonceRow(caller);
  return { org, keyid, nonce, nonceEnds, machineMs, writeId: crypto.randomUUID() };
}

/** Of these, no two can use their nonces at the same moment. */
export function nonceKey({ keyid, nonce }: NonceGiven): string {
  return `nonce ${keyid} ${nonce}`;
}

/**
 * The first part of a statement that writes all or nothing of each row that is given: it uses the nonce of a request where
 * something holds and the clocks of process and database agree, and has a row then, for which the other parts write theirs.
 * In the order of the key, so that no two statements wait for each other.
 */
export function nonceInsertion(db: QueryCreator<LedgerTables>, given: NonceGiven, holds: Expression<boolean>) {
  const { org, keyid, nonce, nonceEnds, machineMs, writeId } = given;
  return db
    .insertInto('http_nonce')
    .columns(['org', 'keyid', 'nonce', 'expires_at', 'write_id'])
    .expression(
      (db as unknown as QueryCreator<{ given: object }>)
        .selectFrom('given')
        .select([asText(org).as('org'), asText(keyid).as('keyid'), asText(nonce).as('nonce')])
        .select([sql<number>`${nonceEnds}::int8`.as('expires_at'), sql<string>`${writeId}::uuid`.as('write_id')])
        .where(holds)
        .where(agreesWithMs(machineMs)) // guard: nonce-drifted
        .orderBy(sql`${keyid}`)
        .orderBy(sql`${nonce}`),
    )
    .onConflict((conflict) => conflict.columns(['keyid', 'nonce']).doNothing())
    .returning('write_id')
    .returning(durably.as('durably')); // guard: nonce-durable
}

/** Whether the nonce of a row is there, and was written by this very request: with it, all that goes with it. */
export function nonceIsOurs({ keyid, nonce, writeId }: NonceGiven) {
  return sql<boolean>`http_nonce.keyid = ${keyid} and http_nonce.nonce = ${nonce}
    and http_nonce.write_id = ${writeId}::uuid`;
}
