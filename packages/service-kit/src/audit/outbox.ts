import type { Insertable, Kysely, QueryCreator, RawBuilder, Transaction } from 'kysely';
import { sql } from 'kysely';
import { givenAt } from '../database/batch-statement.js';
import type { ClockDrift } from '../database/clock-drift.js';
import { asText } from '../database/statement.js';
import type { AuditRow, SealedRow } from './audit-row.js';
import { rowsWith } from './given-rows.js';
import type { Changed, ChangeParts } from './grouped-change.js';
import { changedRows, lookForChange, withChange } from './grouped-change.js';
import { GroupedWrite } from './grouped-write.js';
import type { AuditLag } from '../audit-log/audit-lag.js';
import type { LedgerTables } from './ledger-tables.js';
import { ledgerOf } from './ledger-tables.js';
import type { RowSecrets } from './row-secrets.js';

export interface AuditOutboxParts {
  /** Those of the key file as it is now. */
  readonly keys: { readonly rows: RowSecrets };
  readonly drift: Pick<ClockDrift, 'requireAgreed'>;
  readonly lag: Pick<AuditLag, 'requireRow'>;
}

/**
 * Writes rows that the sequencer takes into the log. Nothing else in the product inserts into the outbox
 * (test/house/source-rules.test.ts).
 */
export class AuditOutbox {
  readonly #parts: AuditOutboxParts;

  constructor(parts: AuditOutboxParts) {
    this.#parts = parts;
  }

  /**
   * Authenticates a row: without that it comes into no log.
   * @throws {Problem} overloaded while the clocks of process and database are too far apart, or the log is
   *   lost; {Error} without a secret
   */
  seal({ org, event, evidence }: AuditRow): SealedRow {
    // Its time would be wrong for good.
    // guard: row-drifted
    this.#parts.drift.requireAgreed();
    const { id: secretId, mac } = this.#parts.keys.rows.seal(org, event);
    return { org, event, evidence, secretId, mac: Buffer.from(mac).toString('hex') };
  }

  /**
   * @param db the transaction of the effect: row and effect are there together or not at all (protocol.md §8).
   * @throws as {@link seal}, and whatever the database says
   */
  async write<Tables extends LedgerTables>(
    db: Kysely<Tables> | Transaction<Tables>,
    ...rows: readonly AuditRow[]
  ): Promise<void> {
    await insertSealed(
      db,
      rows.map((row) => this.seal(row)),
    );
  }
}

/** Inserts rows that are sealed. @throws whatever the database says */
export async function insertSealed<Tables extends LedgerTables>(
  db: Kysely<Tables> | Transaction<Tables>,
  rows: readonly SealedRow[],
): Promise<void> {
  const values = rows.map(({ org, event, evidence, secretId, mac }) => ({
    org,
    leaf: leafBytes(event),
    evidence,
    secret_id: secretId,
    mac: macBytes(mac),
  }));
  await ledgerOf(db).insertInto('audit_outbox').values(values).execute();
}

/** Puts rows back as they were: they were taken into a log that goes on no more. */
export async function insertTaken(
  db: Kysely<LedgerTables>,
  rows: readonly Insertable<LedgerTables['audit_outbox']>[],
): Promise<void> {
  await db.insertInto('audit_outbox').values(rows).execute();
}

/**
 * The insert of a row for each row of a statement that decides whether something takes place.
 * @param decided the name of that statement in the one that this becomes part of
 */
export function auditInsertion(
  db: QueryCreator<LedgerTables & Record<string, object>>,
  decided: string,
  row: SealedRow,
) {
  return db
    .insertInto('audit_outbox')
    .columns(['org', 'leaf', 'evidence', 'secret_id', 'mac'])
    .expression(
      db
        .selectFrom(decided)
        .select([
          asText(row.org).as('org'),
          leafBytes(row.event).as('leaf'),
          sql<string | null>`${row.evidence}::text`.as('evidence'),
          asText(row.secretId).as('secret_id'),
          macBytes(row.mac).as('mac'),
        ]),
    )
    .returning('id');
}

/** Leaves are kept as bytes: what is hashed later is what was written. */
function leafBytes(text: string) {
  return sql<Buffer>`convert_to(${text}::text, 'UTF8')`;
}

function macBytes(hex: string) {
  return sql<Buffer>`decode(${hex}::text, 'hex')`;
}

/** What a room says of a change that has a row in the audit log. */
export interface AuditedParts<Tables, Own> extends ChangeParts<Tables, Own> {
  /** An insert for each row of what it is given the name of: one for each change that is made, with its values. */
  also?(db: QueryCreator<Tables>, made: string, own: Own): unknown;
}

type GivenChange<Own> = SealedRow & { readonly $own: Own };

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
  async run(db: Kysely<Tables>, row: SealedRow, own: Own): Promise<number> {
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
