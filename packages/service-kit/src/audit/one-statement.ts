import type { Expression, InsertQueryBuilder, Kysely, QueryCreator, RawBuilder, SelectQueryBuilder } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { givenAt } from '../database/batch-statement.js';
import { agreesWithMs, databaseMs, databaseSeconds } from '../database/clock-drift.js';
import { asText } from '../database/statement.js';
import type { Named, Parts } from './given-rows.js';
import { isOf, judged, rowsWith } from './given-rows.js';
import { GroupedWrite } from './grouped-write.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import type { NonceGiven } from './nonces.js';
import { nonceGiven, nonceInsertion, nonceIsOurs, nonceKey } from './nonces.js';
import type { SealedRow } from './audit-row.js';
import { auditInsertion } from './outbox.js';

/** Whether it takes place: one row for each request for which it does. */
type Decided = SelectQueryBuilder<{ taken: { key: string } }, 'taken', object>;

/** What a room says of an effect that one statement can write. It is asked once, with places for the values. */
export interface OnceParts<Tables, Own> {
  /** What must still be so. */
  holds(db: Kysely<Tables>, own: Own): Expression<boolean>;
  /** The insert of the effect, from a statement that decides whether it takes place. */
  insert(db: QueryCreator<Tables>, decided: Decided, own: Own): InsertQueryBuilder<never, never, object>;
  /** What that returns: the columns that tell one effect from another. */
  named(own: Own): Named;
}

/** What is written of one request beside its nonce. */
interface Kept {
  readonly key: string;
  readonly requestSha256: string;
  /** The answer under the Idempotency-Key, JSON text, and until when it is given again, in seconds. */
  readonly answer: string;
  readonly answerUntil: number | null;
  /** How long the key is known. */
  readonly keepSeconds: number;
}

/** What is to be written of one request, all of it or nothing. */
export interface Writing<Own> {
  readonly caller: Signatory;
  readonly machineMs: number;
  readonly kept: Kept;
  readonly row: SealedRow;
  readonly own: Own;
}

/** The same, as the statement takes it. */
interface Given<Own> extends Kept, NonceGiven, SealedRow {
  readonly $own: Own;
}

/** What became of it. */
export interface Written {
  /** In which place of its batch it stood. */
  readonly at: number;
  /** What the clock of the database said. */
  readonly theirsMs: number;
  /** Whether what was read still holds, and the clocks agree; else nothing was written. */
  readonly holds: boolean;
  /** Whether the nonce is used by this; else nothing was written, for the request came before. */
  readonly isNew: boolean;
  /** Whether the Idempotency-Key was free; else the nonce alone was written. */
  readonly isFirst: boolean;
}

/**
 * The write of nonce, answer, effect and audit row in one statement: each is inserted for the row of the one before, so
 * there is all of it, or what {@link Written} says. Who holds the same nonce or key is waited for (protocol.md §6). Requests
 * that come at about the same moment are written by the same statement, each for itself.
 */
export class WriteOnce<Tables extends LedgerTables, Own extends object> {
  readonly #grouped: GroupedWrite<Tables, Given<Own>, Written>;

  constructor(parts: OnceParts<Tables, Own>) {
    this.#grouped = new GroupedWrite<Tables, Given<Own>, Written>({
      write: (db, given, rows) => writing(db, given, rows, parts),
      look: looking,
      isWritten: ({ isNew }) => isNew,
    });
  }

  /** @throws whatever the database says */
  async run(db: Kysely<Tables>, { caller, machineMs, kept, row, own }: Writing<Own>): Promise<Written> {
    const { key, requestSha256, answer, answerUntil, keepSeconds } = kept;
    const { event, evidence, secretId, mac } = row;
    const given = {
      ...nonceGiven(caller, machineMs),
      evidence,
      // Named, and not spread: it is done for each envelope, and V8 copies a second object member by member.
      key,
      requestSha256,
      answer,
      answerUntil,
      keepSeconds,
      event,
      secretId,
      mac,
      $own: own,
    };
    const written = await this.#grouped.run(db, given, [nonceKey(given), `key ${given.keyid} ${given.key}`]);
    if (written === undefined) throw new Error('a statement without a row');
    return written;
  }
}

function writing<Tables extends LedgerTables, Own>(
  db: Kysely<Tables>,
  given: Given<Own>,
  rows: RawBuilder<unknown>,
  parts: OnceParts<Tables, Own>,
) {
  const { org, keyid, key, writeId, $own: own } = given;
  // guard: once-holds without: const stillSo = sql<boolean>`true`;
  const stillSo = parts.holds(db, own);
  const holds = sql<boolean>`"given"."holds"`;
  const isUsed = { write_id: sql`${writeId}::uuid` };
  const isTaken = { keyid, key };
  const all = ledgerOf(db)
    .with((name) => name('given').materialized(), judged(rows, stillSo))
    .with('used', (part) => nonceInsertion(part, given, holds))
    .with('usable', rowsWith('used', isUsed))
    .with('taken', (part) =>
      part
        .insertInto('idempotency')
        .columns(['org', 'keyid', 'key', 'request_sha256', 'answer', 'answer_until', 'expires_at'])
        .expression(
          part
            .selectFrom('usable as given' as never)
            .select([asText(org).as('org'), asText(keyid).as('keyid'), asText(key).as('key')])
            .select([asText(given.requestSha256).as('request_sha256'), asText(given.answer).as('answer')])
            .select([
              sql<number | null>`${given.answerUntil}::int8`.as('answer_until'),
              sql<number>`${databaseSeconds} + ${given.keepSeconds}::int8`.as('expires_at'),
            ])
            // As the nonces, so that no two statements wait for each other.
            .orderBy(sql`${keyid}`)
            .orderBy(sql`${key}`),
        )
        .onConflict((conflict) => conflict.columns(['keyid', 'key']).doNothing())
        .returning(['keyid', 'key']),
    )
    .with('decided', rowsWith('taken', isTaken))
    .with('effect', (part) =>
      parts.insert(part as never, part.selectFrom('decided as given' as never) as unknown as Decided, own),
    )
    .with('made', rowsWith('effect', parts.named(own)))
    // guard: once-audited without: .with('audited', (part) => part.selectFrom('effect').select(sql`1`.as('id')))
    .with('audited', (part) => auditInsertion(part as never, 'made as given', given));
  return (all as unknown as QueryCreator<Parts>)
    .selectFrom('given')
    .leftJoin('used', (join) => join.on(isOf('used', isUsed)))
    .leftJoin('taken', (join) => join.on(isOf('taken', isTaken)))
    .select([
      givenAt.as('at'),
      databaseMs.as('theirsMs'),
      sql<boolean>`${holds} and ${agreesWithMs(given.machineMs)}`.as('holds'),
      sql<boolean>`used.write_id is not null`.as('isNew'),
      sql<boolean>`taken.key is not null`.as('isFirst'),
    ])
    .$castTo<Written>();
}

/** What is there of rows whose outcome is not known. Where the key was taken before, the nonce alone is there. */
function looking<Tables extends LedgerTables, Own>(db: Kysely<Tables>, given: Given<Own>, rows: RawBuilder<unknown>) {
  const { org, keyid, key, requestSha256, answer } = given;
  const kept = sql<boolean>`org = ${org} and keyid = ${keyid} and key = ${key}
    and request_sha256 = ${requestSha256} and answer = ${answer}`;
  return ledgerOf(db)
    .selectFrom('http_nonce')
    .innerJoin(sql<{ at: number }>`(${rows})`.as('given'), (join) => join.on(nonceIsOurs(given)))
    .select((eb) => [
      givenAt.as('at'),
      databaseMs.as('theirsMs'),
      sql<boolean>`true`.as('holds'),
      sql<boolean>`true`.as('isNew'),
      eb.exists(eb.selectFrom('idempotency').select('key').where(kept)).as('isFirst'),
    ])
    .$castTo<Written>();
}
