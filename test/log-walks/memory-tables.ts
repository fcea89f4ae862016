/** A row of a table; none is ever changed, so that a copy of the list is a copy of the table. */
export type Row = Readonly<Record<string, unknown>>;

export const TABLES = [
  'audit_outbox',
  'audit_unsigned',
  'audit_set_aside',
  'audit_log',
  'audit_tile',
  'audit_entry',
  'audit_cosignature',
] as const;
export type TableName = (typeof TABLES)[number];

/** The columns by which a row is one of its kind, as the migrations have them. */
const KEYS: Record<TableName, readonly string[]> = {
  audit_outbox: ['org', 'id'],
  audit_unsigned: [],
  audit_set_aside: [],
  audit_log: ['org', 'log'],
  audit_tile: ['org', 'log', 'level', 'idx'],
  audit_entry: [],
  audit_cosignature: ['org', 'log', 'witness'],
};

export type Snapshot = Readonly<Record<TableName, readonly Row[]>>;

/** The tables of the log as a database has them, in memory. */
export class MemoryTables {
  #rows: Record<TableName, readonly Row[]>;
  #nextId = 1;
  readonly now: () => number;

  /** @param now milliseconds since 1970, by the clock of the database. */
  constructor(now: () => number) {
    this.now = now;
    this.#rows = empty();
  }

  of(table: TableName): readonly Row[] {
    return this.#rows[table];
  }

  copy(): Snapshot {
    return { ...this.#rows };
  }

  restore(snapshot: Snapshot): void {
    this.#rows = { ...snapshot };
  }

  /** Takes rows away. @returns those */
  delete(table: TableName, fits: (row: Row) => boolean): Row[] {
    const gone = this.#rows[table].filter(fits);
    if (gone.length > 0) this.#rows[table] = this.#rows[table].filter((row) => !gone.includes(row));
    return gone;
  }

  /** @returns how many there were */
  update(table: TableName, fits: (row: Row) => boolean, change: (row: Row) => Row): number {
    let count = 0;
    this.#rows[table] = this.#rows[table].map((row) => {
      if (!fits(row)) return row;
      count += 1;
      return { ...row, ...change(row) };
    });
    return count;
  }

  /** A row with the same key, if there is one. */
  same(table: TableName, row: Row): Row | undefined {
    const key = KEYS[table];
    if (key.length === 0) return undefined;
    return this.#rows[table].find((one) => key.every((column) => one[column] === row[column]));
  }

  /** @throws {Error} for a second row of one key */
  insert(table: TableName, row: Row): Row {
    const own = table === 'audit_outbox' ? { id: this.#nextId++, at: new Date(this.now()), ...row } : row;
    if (this.same(table, own) !== undefined) throw new Error(`duplicate key value violates ${table}`);
    this.#rows[table] = [...this.#rows[table], own];
    return own;
  }
}

function empty(): Record<TableName, readonly Row[]> {
  return Object.fromEntries(TABLES.map((name) => [name, []])) as unknown as Record<TableName, readonly Row[]>;
}
