import type { Expression, Kysely, QueryCreator, RawBuilder } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { givenAt } from '../database/batch-statement.js';
import { databaseMs } from '../database/clock-drift.js';
import { databaseFault } from '../database/database-fault.js';
import type { Named, Part, Parts } from './given-rows.js';
import { isOf, judged, rowsWith } from './given-rows.js';
import { GroupedWrite } from './grouped-write.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import type { NonceGiven } from './nonces.js';
import { nonceGiven, nonceInsertion, nonceIsOurs, nonceKey } from './nonces.js';
import type { SealedRow } from './audit-row.js';
import { auditInsertion } from './outbox.js';

const DIVISION_BY_ZERO = '22012';

/** One change of an act. */
export interface ActEffect {
  readonly name: string;
  /** The change, for each row of what it is given the name of; that has the values. */
  part(decided: RawBuilder<unknown>): unknown;
  /** What it returns: the columns that tell what was changed for one row from what was for another. */
  readonly named: Named;
}

/** What a room says of an act that one statement can write. It is asked once, with places for the values. */
export interface ActParts<Tables, Own> {
  /** All that must be so. */
  holds(db: Kysely<Tables>, own: Own): Expression<boolean>;
  /** What is changed, each for those for which the one before was. */
  effects(db: Kysely<Tables>, own: Own): readonly ActEffect[];
  /** What of this only one act at a time can have. */
  keys(own: Own): readonly string[];
}

interface Given<Own> extends NonceGiven, SealedRow {
  readonly $own: Own;
}

interface Done {
  readonly at: number;
  readonly isDone: boolean;
  readonly theirsMs: number;
}

/**
 * Nonce, effects and audit row in one statement: all of it, or nothing. It says only whether all is done. If not,
 * {@link Ledger.run} finds out why, answers and writes that down. Acts that come at about the same moment are done by the
 * same statement, each for itself.
 */
export class ActAtOnce<Tables extends LedgerTables, Own extends object> {
  readonly #keys: ActParts<Tables, Own>['keys'];
  readonly #grouped: GroupedWrite<Tables, Given<Own>, Done>;

  constructor(parts: ActParts<Tables, Own>) {
    this.#keys = (own) => parts.keys(own);
    this.#grouped = new GroupedWrite<Tables, Given<Own>, Done>({
      write: (db, given, rows) => acting(db, given, rows, parts),
      look: looking,
      isWritten: ({ isDone }) => isDone,
      isNothing: (error) => databaseFault(error)?.code === DIVISION_BY_ZERO,
    });
  }

  /**
   * @returns what the clock of the database said, if it is done; else nothing is
   * @throws whatever the database says
   */
  async run(
    db: Kysely<Tables>,
    { caller, row, machineMs, own }: { caller: Signatory; row: SealedRow; machineMs: number; own: Own },
  ): Promise<number | undefined> {
    const given = { ...nonceGiven(caller, machineMs), ...row, $own: own };
    const keys = [nonceKey(given), ...this.#keys(own)];
    const done = await this.#grouped.run(db, given, keys);
    return done?.isDone === true ? done.theirsMs : undefined;
  }
}

function acting<Tables extends LedgerTables, Own>(
  db: Kysely<Tables>,
  given: Given<Own>,
  rows: RawBuilder<unknown>,
  parts: ActParts<Tables, Own>,
) {
  const isUsed = { write_id: sql`${given.writeId}::uuid` };
  const begun = ledgerOf(db)
    .with((name) => name('given').materialized(), judged(rows, parts.holds(db, given.$own)))
    .with('used', (part) => nonceInsertion(part, given, sql<boolean>`"given"."holds"`));
  let last: { readonly name: string; readonly named: Named } = { name: 'used', named: isUsed };
  let all: typeof begun = begun;
  for (const effect of parts.effects(db, given.$own)) {
    const decided = `for_${effect.name}`;
    all = all
      .with(decided, rowsWith(last.name, last.named))
      .with(effect.name, (() => effect.part(sql.id(decided))) as Part) as never;
    last = effect;
  }
  // Nonces that are used while not all is done for each: the division takes everything back.
  // guard: act-whole without: const whole = sql<number>`0`;
  const whole = sql<number>`1 / ((select count(*) from used) = (select count(*) from ${sql.id(last.name)}))::integer`;
  return (
    (all as unknown as QueryCreator<Parts>)
      .with('made', rowsWith(last.name, last.named) as never)
      // guard: act-audited without: .with('audited', (part) => part.selectNoFrom(sql`1`.as('id')))
      .with('audited', (part) => auditInsertion(part as never, 'made as given', given))
      .selectFrom('given')
      .leftJoin('used', (join) => join.on(isOf('used', isUsed)))
      .select([
        givenAt.as('at'),
        databaseMs.as('theirsMs'),
        sql<boolean>`used.write_id is not null`.as('isDone'),
        whole.as('whole'),
      ])
      .$castTo<Done>()
  );
}

/** Those whose nonce is there, and with it all the rest. */
function looking<Tables extends LedgerTables, Own>(db: Kysely<Tables>, given: Given<Own>, rows: RawBuilder<unknown>) {
  return ledgerOf(db)
    .selectFrom('http_nonce')
    .innerJoin(sql<{ at: number }>`(${rows})`.as('given'), (join) => join.on(nonceIsOurs(given)))
    .select([givenAt.as('at'), databaseMs.as('theirsMs'), sql<boolean>`true`.as('isDone')])
    .$castTo<Done>();
}
