import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';
import { monthTable, valuesOfMonth } from './months.js';

/**
 * The months that have a partition of the entries, as this process knows them: those of its last batch, which nobody drops.
 */
export class Partitions {
  readonly #schema: string;
  #known: ReadonlySet<string> = new Set();

  constructor(schema: string) {
    this.#schema = schema;
  }

  /** Makes what is missing for entries of these moments. */
  async require(db: Kysely<LedgerTables>, moments: readonly Date[]): Promise<void> {
    for (const month of monthsOf(moments)) {
      if (this.#known.has(month)) continue;
      const name = sql.id(this.#schema, monthTable(month));
      const entries = sql.id(this.#schema, 'audit_entry');
      await sql`create table if not exists ${name} partition of ${entries} ${valuesOfMonth(month)}`.execute(db);
    }
  }

  /** They are there for everybody, once their transaction is committed. */
  note(moments: readonly Date[]): void {
    if (moments.length > 0) this.#known = monthsOf(moments);
  }
}

function monthsOf(moments: readonly Date[]): Set<string> {
  return new Set(moments.map((at) => at.toISOString().slice(0, 7)));
}
