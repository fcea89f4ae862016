import { Problem } from '@bulla/contract';
import { digestB64u } from '@bulla/crypto';
import type { Kysely, Selectable } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { databaseSeconds } from '../database/clock-drift.js';
import { databaseFault } from '../database/database-fault.js';
import { notWritten } from '../edge/problem-of.js';
import { Answer } from '../route/answer.js';
import type { DecisionRows } from './decision-rows.js';
import type { RunOptions, StoredAnswer } from './effect.js';
import type { IdempotencyTable, LedgerTables } from './ledger-tables.js';

/** How long an Idempotency-Key is known, by the clock of the database. */
export const KEEP_SECONDS = 86_400;
const LOCK_NOT_AVAILABLE = '55P03';

/** What makes two requests the same: all of it but the signature. */
export function requestHash(caller: Signatory): Promise<string> {
  return digestB64u(requestText(caller));
}

/** What makes two requests the same, as it is kept: one hash, or one for each key of those who keep no plain hash. */
async function requestHashes(caller: Signatory, keyed: RunOptions['requestHashes']): Promise<readonly string[]> {
  return keyed === undefined ? [await requestHash(caller)] : keyed(requestText(caller));
}

function requestText({ request: { method, path, query, ifMatch, bodySha256 } }: Signatory): string {
  return JSON.stringify([
    method,
    path,
    query,
    ifMatch ?? null, // guard: idempotency-condition
    bodySha256, // guard: idempotency-body
  ]);
}

/** Waits for another transaction that holds the key, as long as the database lets it (protocol.md §6). */
async function takeKey(
  trx: Kysely<LedgerTables>,
  { org, keyid }: Signatory,
  { key, request_sha256 }: { key: string; request_sha256: string },
): Promise<boolean> {
  const expires_at = sql<number>`${databaseSeconds} + ${KEEP_SECONDS}::int8`;
  try {
    const result = await trx
      .insertInto('idempotency')
      .values({ org, keyid, key, request_sha256, answer: '{}', expires_at })
      .onConflict((conflict) => conflict.columns(['keyid', 'key']).doNothing())
      .executeTakeFirstOrThrow();
    return result.numInsertedOrUpdatedRows === 1n;
  } catch (error) {
    throw databaseFault(error)?.code === LOCK_NOT_AVAILABLE ? stillRunning() : error;
  }
}

/** Keeps the answer under a key that was taken. */
export async function keepAnswer(
  trx: Kysely<LedgerTables>,
  { org, keyid }: Signatory,
  { key, ...answered }: { key: string; answer: string; answer_until: number | null },
): Promise<void> {
  await trx
    .updateTable('idempotency')
    .set(answered)
    .where('keyid', '=', keyid)
    .where('key', '=', key)
    .where('org', '=', org)
    .execute();
}

/** JSON text of what is kept of an effect. @param bodyText the body's, where its maker has it */
export function storedAnswer(effect: StoredAnswer<unknown>, bodyText?: string): string {
  const { body, event, status, headers, etag, text, unchanging } = effect;
  const beside = { event, status, headers, etag, text, unchanging };
  if (bodyText === undefined) return JSON.stringify({ body, ...beside });
  return `{"body":${bodyText},${JSON.stringify(beside).slice(1)}`;
}

/** What was answered under a key, if anything was. */
export function answeredBefore(
  db: Kysely<LedgerTables>,
  { org, keyid }: Signatory,
  key: string,
): Promise<Selectable<IdempotencyTable> | undefined> {
  return db
    .selectFrom('idempotency')
    .selectAll()
    .where('keyid', '=', keyid)
    .where('key', '=', key)
    .where('org', '=', org)
    .executeTakeFirst();
}

/** The answer to an earlier request with this key; undefined if there was none and the key is ours now. */
export async function earlierAnswer<Body>(
  trx: Kysely<LedgerTables>,
  rows: DecisionRows,
  caller: Signatory,
  { ownReplay, requestHashes: keyed, now }: RunOptions & { readonly now: number },
): Promise<Answer<Body> | undefined> {
  const { idempotencyKey: key } = caller.request;
  if (key === undefined || ownReplay === true) return undefined;
  const hashes = await requestHashes(caller, keyed);
  const [request_sha256 = ''] = hashes;
  if (await takeKey(trx, caller, { key, request_sha256 })) return undefined;
  const earlier = await answeredBefore(trx, caller, key);
  // Purged between the two statements: the next try finds the key free.
  if (earlier === undefined) throw stillRunning();
  return answerAgain(trx, rows, earlier, { hashes, now });
}

/** Gives the answer of an earlier request with the same key, and writes that down. @throws {Problem} if it was another request */
export async function answerAgain<Body>(
  trx: Kysely<LedgerTables>,
  rows: DecisionRows,
  earlier: Selectable<IdempotencyTable>,
  { hashes, now }: { readonly hashes: readonly string[]; readonly now: number },
): Promise<Answer<Body>> {
  // guard: idempotency-request
  if (!hashes.includes(earlier.request_sha256)) throw new Problem('idempotency_conflict');
  // guard: idempotency-ended
  if (earlier.answer_until !== null && earlier.answer_until <= now) throw pastItsAnswer();
  const { body, event, ...rest } = JSON.parse(earlier.answer) as StoredAnswer<Body>;
  await rows.act(trx, event);
  return new Answer(body, { ...rest, replayed: true });
}

/** Nothing was written, or not known to be: the same request again gets the answer, or brings it about. */
export function troubleOf(error: unknown): never {
  throw databaseFault(error)?.code === LOCK_NOT_AVAILABLE ? stillRunning() : notWritten(error);
}

/** An asker who asks anew with another key gets another envelope. This key must not bring about a second one. */
function pastItsAnswer(): Problem {
  const detail = 'the answer to this Idempotency-Key is past its time; ask anew with another one';
  return new Problem('envelope_expired', { detail });
}

export function stillRunning(): Problem {
  const detail = 'another request with this Idempotency-Key is still at work';
  return new Problem('indeterminate', { detail, retryAfterSeconds: 1 });
}
