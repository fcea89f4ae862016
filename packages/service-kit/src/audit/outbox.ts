import type { Kysely, QueryCreator, RawBuilder, Transaction } from 'kysely';
import { sql } from 'kysely';
import { givenAt } from '../database/batch-statement.js';
import { asText } from '../database/statement.js';
import { rowsWith } from './given-rows.js';
import type { Changed, ChangeParts } from './grouped-change.js';
import { changedRows, lookForChange, withChange } from './grouped-change.js';
import { GroupedWrite } from './grouped-write.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';

/** What waits to come into the log of an organisation. */
export interface AuditRow {
  readonly org: string;
  /** Text of its leaf, from audit-record.ts. */
  readonly event: string;
  /** From `evidenceOf`; null where nobody signed, or where another row of the same request has it. */
  readonly evidence: string | null;
}

/**
 * Writes rows that the sequencer takes into the log. Nothing else in the product inserts into the outbox
 * (test/house/source-rules.test.ts).
 * @param db the transaction of the effect: row and effect are there together or not at all (protocol.md §8).
 * @throws whatever the database says
 */
export async function writeAudit<Tables extends LedgerTables>(
  db: Kysely<Tables> | Transaction<Tables>,
  ...rows: readonly AuditRow[]
): Promise<void> {
  const values = rows.map(({ org, event, evidence }) => ({ org, leaf: leafBytes(event), evidence }));
  await ledgerOf(db).insertInto('audit_outbox').values(values).execute();
}

/**
 * The insert of a row for each row of a statement that decides whether something takes place.
 * @param decided the name of that statement in the one that this becomes part of
 */
export function auditInsertion(
  db: QueryCreator<LedgerTables & Record<string, object>>,
  decided: string,
  row: AuditRow,
) {
  return db
    .insertInto('audit_outbox')
    .columns(['org', 'leaf', 'evidence'])
    .expression(
      db
        .selectFrom(decided)
        .select([
          asText(row.org).as('org'),
          leafBytes(row.event).as('leaf'),
          sql<string | null>`${row.evidence}::text`.as('evidence'),
        ]),
    )
    .returning('id');
}

/** Leaves are kept as bytes: what is hashed later is what was written. */
function leafBytes(text: string) {
  return sql<Buffer>`convert_to(${text}::text, 'UTF8')`;
}

/** What a room says of a change that has a row in the audit log. */
export interface AuditedParts<Tables, Own> extends ChangeParts<Tables, Own> {
  /** An insert for each row of what it is given the name of: one for each change that is made, with its values. */
  also?(db: QueryCreator<Tables>, made: string, own: Own): unknown;
}

type GivenChange<Own> = AuditRow & { readonly $own: Own };

/**
 * A change with the row of it, in one statement: a row for each thing that was changed, and none where nothing was. Changes
 * that come at about the same moment are made by the same statement, each for itself.
 */
export class AuditedChange<Tables extends LedgerTables, Own extends object> {
  readonly #keys: ChangeParts<Tables, Own>['keys'];
  readonly #grouped: GroupedWrite<Tables, GivenChange<Own>, Changed>;

  constructor(parts: AuditedParts<Tables, Own>) {
    this.#keys = (own) => parts.keys(own);
    this.#grouped = new GroupedWrite<Tables, GivenChange<Own>, Changed>({
      write: (db, given, rows) => changing(db, given, rows, parts),
      look: (db, given, rows) => lookForChange(db, rows, parts.isMade(db, given.$own)),
      isWritten: ({ written }) => written > 0,
    });
  }

  /**
   * @returns how many rows were written
   * @throws whatever the database says
   */
  async run(db: Kysely<Tables>, row: AuditRow, own: Own): Promise<number> {
    const changed = await this.#grouped.run(db, { ...row, $own: own }, this.#keys(own));
    return changed?.written ?? 0;
  }
}

function changing<Tables extends LedgerTables, Own>(
  db: Kysely<Tables>,
  given: GivenChange<Own>,
  rows: RawBuilder<unknown>,
  parts: AuditedParts<Tables, Own>,
) {
  const audited = withChange(db, rows, parts.change(db, given.$own))
    .with('made', rowsWith('changed', { at: givenAt }) as never)
    .with('audited', (part) => auditInsertion(part as never, 'made as given', given));
  if (parts.also === undefined) return changedRows(audited);
  const also = ((part: QueryCreator<Tables>) => parts.also?.(part, 'made as given', given.$own)) as never;
  return changedRows(audited.with('also', also) as never);
}
