import type { Expression, Kysely, QueryCreator } from 'kysely';
import { sql } from 'kysely';
import type { Signatory } from '../authentication/caller.js';
import { databaseMs } from '../database/clock-drift.js';
import { databaseFault } from '../database/database-fault.js';
import { Statement } from '../database/statement.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import type { NonceGiven } from './nonces.js';
import { nonceGiven, nonceInsertion } from './nonces.js';
import { auditInsertion } from './outbox.js';

const DIVISION_BY_ZERO = '22012';

/** A statement in parentheses; it may read from `used`, and from those before it, by their names. */
type Part = Parameters<QueryCreator<LedgerTables>['with']>[1];

/** What a room says of an act that one statement can write. It is asked once, with places for the values. */
export interface ActParts<Tables, Own> {
  /** All that must be so. */
  holds(db: Kysely<Tables>, own: Own): Expression<boolean>;
  /** What is changed, each for a row of the one before; the first for one of `used`. The last has a row if all was. */
  effects(db: Kysely<Tables>, own: Own): readonly (readonly [name: string, part: unknown])[];
}

interface Given<Own> extends NonceGiven {
  readonly requestId: string;
  readonly event: string;
  readonly $own: Own;
}

interface Done {
  readonly isDone: boolean;
  readonly theirsMs: number;
}

/**
 * Nonce, effects and audit row in one statement: all of it, or nothing. It says only whether all is done. If not,
 * {@link Ledger.run} finds out why, answers and writes that down.
 */
export class ActAtOnce<Tables extends LedgerTables, Own extends object> {
  readonly #statement: Statement<Tables, Given<Own>, Done>;

  constructor(parts: ActParts<Tables, Own>) {
    this.#statement = new Statement((db, given) => acting(db, given, parts));
  }

  /**
   * @param event JSON text of the audit event.
   * @returns what the clock of the database said, if it is done; else nothing is
   * @throws whatever the database says
   */
  async run(
    db: Kysely<Tables>,
    { caller, event, machineMs, own }: { caller: Signatory; event: string; machineMs: number; own: Own },
  ): Promise<number | undefined> {
    const given = { ...nonceGiven(caller, machineMs), requestId: caller.request.id, event, $own: own };
    try {
      const [row] = await this.#statement.run(db, given);
      return row?.isDone === true ? row.theirsMs : undefined;
    } catch (error) {
      if (databaseFault(error)?.code === DIVISION_BY_ZERO) return undefined;
      throw error;
    }
  }
}

function acting<Tables extends LedgerTables, Own>(db: Kysely<Tables>, given: Given<Own>, parts: ActParts<Tables, Own>) {
  const used = ledgerOf(db).with('used', (part) => nonceInsertion(part, given, parts.holds(db, given.$own)));
  const effects = parts.effects(db, given.$own);
  const [last] = effects.at(-1) ?? ['used'];
  const all = effects.reduce<typeof used>((query, [name, part]) => query.with(name, part as Part) as never, used);
  // A nonce that is used while not all is done: the division takes everything back.
  // guard: act-whole without: const whole = sql<number>`0`;
  const whole = sql<number>`case when exists (select from used) then 1 / (select count(*) from ${sql.ref(last)})::integer end`;
  return (
    all
      // guard: act-audited without: .with('audited', (part) => part.selectNoFrom(sql`1`.as('id')))
      .with('audited', (part) => auditInsertion(part as never, last, given))
      .selectNoFrom((eb) => [
        databaseMs.as('theirsMs'),
        eb.exists(eb.selectFrom('audited').select('id')).as('isDone'),
        whole.as('whole'),
      ])
      .$castTo<Done>()
  );
}
