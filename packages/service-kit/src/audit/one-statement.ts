import type { Expression, InsertQueryBuilder, Kysely, QueryCreator, SelectQueryBuilder } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { agreesWithMs, databaseMs, databaseSeconds } from '../database/clock-drift.js';
import { asText, Statement } from '../database/statement.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import type { NonceGiven } from './nonces.js';
import { nonceGiven, nonceInsertion } from './nonces.js';
import { auditInsertion } from './outbox.js';

/** Whether it takes place: one row if so. */
type Decided = SelectQueryBuilder<{ taken: { key: string } }, 'taken', object>;

/** What a room says of an effect that one statement can write. It is asked once, with places for the values. */
export interface OnceParts<Tables, Own> {
  /** What must still be so. */
  holds(db: Kysely<Tables>, own: Own): Expression<boolean>;
  /** The insert of the effect, from a statement that decides whether it takes place. */
  insert(db: QueryCreator<Tables>, decided: Decided, own: Own): InsertQueryBuilder<never, never, { inserted: unknown }>;
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
  /** JSON text of the audit event. */
  readonly event: string;
}

/** What is to be written of one request, all of it or nothing. */
export interface Writing<Own> extends Kept {
  readonly caller: Signatory;
  readonly machineMs: number;
  readonly own: Own;
}

/** The same, as the statement takes it. */
interface Given<Own> extends Kept, NonceGiven {
  readonly requestId: string;
  readonly $own: Own;
}

/** What became of it. */
export interface Written {
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
 * there is all of it, or what {@link Written} says. Who holds the same nonce or key is waited for (protocol.md §6).
 */
export class WriteOnce<Tables extends LedgerTables, Own extends object> {
  readonly #statement: Statement<Tables, Given<Own>, Written>;

  constructor(parts: OnceParts<Tables, Own>) {
    this.#statement = new Statement((db, given) => writing(db, given, parts));
  }

  /** @throws whatever the database says */
  async run(db: Kysely<Tables>, { caller, machineMs, own, ...kept }: Writing<Own>): Promise<Written> {
    const given = { ...nonceGiven(caller, machineMs), ...kept, requestId: caller.request.id, $own: own };
    const [written] = await this.#statement.run(db, given);
    if (written === undefined) throw new Error('a statement without a row');
    return written;
  }
}

function writing<Tables extends LedgerTables, Own>(
  db: Kysely<Tables>,
  given: Given<Own>,
  parts: OnceParts<Tables, Own>,
) {
  const { org, keyid, $own: own } = given;
  // guard: once-holds without: const stillSo = sql<boolean>`true`;
  const stillSo = parts.holds(db, own);
  const agrees = agreesWithMs(given.machineMs);
  return (
    ledgerOf(db)
      .with('used', (part) => nonceInsertion(part, given, stillSo))
      .with('taken', (part) =>
        part
          .insertInto('idempotency')
          .columns(['org', 'keyid', 'key', 'request_sha256', 'answer', 'answer_until', 'expires_at'])
          .expression(
            part
              .selectFrom('used')
              .select([asText(org).as('org'), asText(keyid).as('keyid'), asText(given.key).as('key')])
              .select([asText(given.requestSha256).as('request_sha256'), asText(given.answer).as('answer')])
              .select([
                sql<number | null>`${given.answerUntil}::int8`.as('answer_until'),
                sql<number>`${databaseSeconds} + ${given.keepSeconds}::int8`.as('expires_at'),
              ]),
          )
          .onConflict((conflict) => conflict.columns(['keyid', 'key']).doNothing())
          .returning('key'),
      )
      .with('effect', (part) =>
        parts.insert(part as unknown as QueryCreator<Tables>, part.selectFrom('taken') as unknown as Decided, own),
      )
      // guard: once-audited without: .with('audited', (part) => part.selectFrom('effect').select(sql`1`.as('id')))
      .with('audited', (part) => auditInsertion(part as never, 'effect', given))
      .selectNoFrom((eb) => [
        databaseMs.as('theirsMs'),
        sql<boolean>`${stillSo} and ${agrees}`.as('holds'),
        eb.exists(eb.selectFrom('used').select('nonce')).as('isNew'),
        eb.exists(eb.selectFrom('taken').select('key')).as('isFirst'),
      ])
      .$castTo<Written>()
  );
}
