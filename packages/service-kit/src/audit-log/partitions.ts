import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { LedgerTables } from '../audit/ledger-tables.js';

/** The months that have a partition of the entries, as this process knows them. */
export class Partitions {
  readonly #schema: string;
  readonly #known = new Set<string>();

  constructor(schema: string) {
    this.#schema = schema;
  }

  /** Makes what is missing for entries of these moments. */
  async require(db: Kysely<LedgerTables>, moments: readonly Date[]): Promise<void> {
    for (const month of new Set(moments.map((at) => at.toISOString().slice(0, 7)))) {
      if (this.#known.has(month)) continue;
      const [from, to] = [firstOf(month, 0), firstOf(month, 1)];
      const name = sql.id(this.#schema, `audit_entry_${month.replace('-', '_')}`);
      const entries = sql.id(this.#schema, 'audit_entry');
      await sql`create table if not exists ${name} partition of ${entries}
        for values from (${sql.lit(from)}) to (${sql.lit(to)})`.execute(db);
    }
  }

  /** They are there for everybody, once their transaction is committed. */
  note(moments: readonly Date[]): void {
    for (const at of moments) this.#known.add(at.toISOString().slice(0, 7));
  }
}

/** The first moment of a month, or of one after it. */
function firstOf(month: string, after: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + after)).toISOString();
}
