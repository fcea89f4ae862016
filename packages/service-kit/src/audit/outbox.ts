import type { Expression, Kysely, OperationNodeSource, QueryCreator, Transaction } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import { Statement } from '../database/statement.js';

/** A row of the audit log. */
export interface AuditRow {
  /** Null only for refusals before anybody was authenticated. */
  readonly org: string | null;
  /** JSON text of an event of the closed union. */
  readonly event: string;
  /** Null for what no single request brought about. */
  readonly requestId: string | null;
  /** When it was; now, by the clock of the database, unless given. */
  readonly at?: Date;
}

/** The row of what one caller's request did. */
export type AuditRowOfRequest = AuditRow & { readonly org: string; readonly requestId: string };

/**
 * Writes rows of the audit log. Nothing else in the product inserts into it (test/house/source-rules.test.ts).
 * @param db the transaction of the effect: row and effect are there together or not at all (protocol.md §8).
 * @throws whatever the database says
 */
export async function writeAudit<Tables extends LedgerTables>(
  db: Kysely<Tables> | Transaction<Tables>,
  ...rows: readonly AuditRow[]
): Promise<void> {
  const values = rows.map(({ org, event, requestId, at }) => ({
    org,
    event,
    request_id: requestId,
    ...(at !== undefined && { at }),
  }));
  await ledgerOf(db).insertInto('audit_event').values(values).execute();
}

/**
 * The insert of a row for each row of a statement that decides whether something takes place.
 * @param decided the name of that statement in the one that this becomes part of
 */
export function auditInsertion(
  db: QueryCreator<LedgerTables & Record<string, object>>,
  decided: string,
  row: AuditRowOfRequest,
) {
  return db
    .insertInto('audit_event')
    .columns(['org', 'event', 'request_id'])
    .expression(db.selectFrom(decided).select(valuesOf(row)))
    .returning('id');
}

function valuesOf({ org, event, requestId }: AuditRowOfRequest) {
  return [
    sql<string>`${org}::text`.as('org'),
    sql<string>`${event}::jsonb`.as('event'),
    sql<string>`${requestId}::text`.as('request_id'),
  ] as const;
}

/**
 * A change with the row of it, in one statement: a row for each thing that was changed, and none where nothing was.
 */
export class AuditedChange<Tables extends LedgerTables, Own extends object> {
  readonly #statement: Statement<Tables, AuditRowOfRequest & { readonly $own: Own }, { written: number }>;

  /** @param change an update that returns something for each row. It is asked once, with places for the values. */
  constructor(change: (db: Kysely<Tables>, own: Own) => OperationNodeSource) {
    this.#statement = new Statement((db, given) =>
      ledgerOf(db)
        .with('changed', () => change(db, given.$own) as Expression<object>)
        .with('audited', (part) => auditInsertion(part as never, 'changed', given))
        .selectFrom('audited')
        .select(({ fn }) => fn.countAll<number>().as('written')),
    );
  }

  /**
   * @returns how many rows were written
   * @throws whatever the database says
   */
  async run(db: Kysely<Tables>, row: AuditRowOfRequest, own: Own): Promise<number> {
    const [counted] = await this.#statement.run(db, { ...row, $own: own });
    return counted?.written ?? 0;
  }
}
