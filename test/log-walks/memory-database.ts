import type { Database, LedgerTables } from '@bulla/service-kit';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from '@bulla/service-kit/testing';
import { databaseDrivenBy } from '@bulla/service-kit/testing';
import type { MemoryTables, Row, Snapshot, TableName } from './memory-tables.js';

// The statements of the log's repositories on tables in memory: walks are many and short. Each statement that is not plain is
// named here, and one that is new throws, so that nothing is taken for done.

/** Any part of a statement, as Kysely has it. */
interface Part {
  readonly kind: string;
  readonly [name: string]: unknown;
}

/** A database whose statements are run on tables in memory, one transaction at a time. */
export function memoryDatabase(tables: MemoryTables): Database<LedgerTables>['db'] {
  return databaseDrivenBy(new MemoryDriver(tables));
}

class MemoryDriver implements Driver {
  readonly #tables: MemoryTables;
  readonly #connection: DatabaseConnection;
  #before: Snapshot | undefined;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
    this.#connection = {
      executeQuery: (query) => Promise.resolve(run(tables, query) as never),
      streamQuery: () => {
        throw new Error('nothing is streamed');
      },
    };
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }
  async beginTransaction(): Promise<void> {
    this.#before = this.#tables.copy();
  }
  async commitTransaction(): Promise<void> {
    this.#before = undefined;
  }
  async rollbackTransaction(): Promise<void> {
    if (this.#before !== undefined) this.#tables.restore(this.#before);
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function run(tables: MemoryTables, query: CompiledQuery): QueryResult<unknown> {
  const node = query.query as unknown as Part;
  const { parameters } = query;
  switch (node.kind) {
    case 'RawNode':
      // Settings of the session, and partitions: none of it is here.
      return { rows: [] };
    case 'SelectQueryNode':
      return { rows: select(tables, node) };
    case 'DeleteQueryNode': {
      const [from] = (node['from'] as { froms: Part[] }).froms;
      const gone = tables.delete(
        tableOf(from),
        filterOf(node, () => tables.now()),
      );
      return { rows: gone, numAffectedRows: BigInt(gone.length) };
    }
    case 'UpdateQueryNode': {
      const updates = node['updates'] as { column: Part; value: Part }[];
      const values = Object.fromEntries(updates.map(({ column, value }) => [nameOf(column), valueOf(value)]));
      return {
        rows: [],
        numAffectedRows: BigInt(
          tables.update(
            tableOf(node['table'] as Part),
            filterOf(node, () => tables.now()),
            () => values,
          ),
        ),
      };
    }
    case 'InsertQueryNode':
      return insert(tables, node, parameters);
    default:
      throw new Error(`a statement in memory: ${node.kind}`);
  }
}

function select(tables: MemoryTables, node: Part): Row[] {
  const [from] = (node['from'] as { froms: Part[] }).froms;
  let rows = tables.of(tableOf(from)).filter(filterOf(node, () => tables.now()));
  const [first] = (node['selections'] as { selection: Part }[]).map(({ selection }) => selection);
  if (first?.kind === 'AliasNode') return [{ ...smallest(first, rows), nowMs: tables.now() }];
  const order = (node['orderBy'] as { items: { orderBy: Part; direction?: Part }[] } | undefined)?.items ?? [];
  for (const { orderBy, direction } of order.toReversed()) {
    const sign = JSON.stringify(direction ?? '').includes('desc') ? -1 : 1;
    const column = nameOf(orderBy);
    rows = rows.toSorted((one, other) => sign * (Number(one[column]) - Number(other[column])));
  }
  const limit = node['limit'] as { limit: Part } | undefined;
  if (limit !== undefined) rows = rows.slice(0, Number(valueOf(limit.limit)));
  if (node['frontModifiers'] === undefined) return rows;
  const [column] = (node['selections'] as { selection: Part }[]).map(({ selection }) => nameOf(selection));
  return [...new Set(rows.map((row) => row[column ?? '']))].map((value) => ({ [column ?? '']: value }));
}

/** `min(idx + 0)`, under a name. */
function smallest({ node, alias }: Part, rows: readonly Row[]): Row {
  const [text = ''] = (node as Part)['sqlFragments'] as string[];
  if (text !== 'min(idx + 0)') throw new Error(`a selection in memory: ${text}`);
  const { name } = alias as { name: string };
  return { [name]: rows.length === 0 ? null : Math.min(...rows.map(({ idx }) => Number(idx))) };
}

function insert(tables: MemoryTables, node: Part, parameters: readonly unknown[]): QueryResult<unknown> {
  const table = tableOf(node['into'] as Part);
  if (table === 'audit_set_aside') return { rows: moveAside(tables, parameters) };
  const columns = (node['columns'] as Part[]).map(nameOf);
  const { values } = node['values'] as { values: { values: unknown[] }[] };
  const onConflict = node['onConflict'] as { doNothing?: boolean } | undefined;
  const rows: Row[] = [];
  for (const { values: given } of values) {
    const row = Object.fromEntries(columns.map((column, at) => [column, valueOf(given[at])]));
    const there = tables.same(table, row);
    if (there === undefined) rows.push(tables.insert(table, row));
    else if (table === 'audit_tile') {
      const hashes = Buffer.concat([there['hashes'] as Uint8Array, row['hashes'] as Uint8Array]);
      tables.update(
        table,
        (one) => one === there,
        () => ({ hashes }),
      );
    } else if (onConflict?.doNothing !== true) throw new Error(`duplicate key value violates ${table}`);
  }
  return { rows, numAffectedRows: BigInt(rows.length) };
}

/** `moveAside` of set-aside.ts: an organisation, ids and why. */
function moveAside(tables: MemoryTables, [org, ids, why]: readonly unknown[]): Row[] {
  const gone = tables.delete(
    'audit_outbox',
    (row) => row['org'] === org && (ids as number[]).includes(row['id'] as number),
  );
  for (const row of gone) tables.insert('audit_set_aside', { ...row, why });
  return gone;
}

function filterOf(node: Part, now: () => number): (row: Row) => boolean {
  const where = (node['where'] as { where: Part } | undefined)?.where;
  return where === undefined ? () => true : (row) => fits(where, row, now);
}

function fits(part: Part, row: Row, now: () => number): boolean {
  switch (part.kind) {
    case 'ParensNode':
      return fits(part['node'] as Part, row, now);
    case 'AndNode':
      return fits(part['left'] as Part, row, now) && fits(part['right'] as Part, row, now);
    case 'BinaryOperationNode': {
      const left = row[nameOf(part['leftOperand'] as Part)];
      const { operator } = part['operator'] as { operator: string };
      const right = part['rightOperand'] as Part;
      if (operator === 'is not') return left !== null;
      return compared(left, operator, valueOf(right));
    }
    case 'RawNode': {
      const [before] = part['sqlFragments'] as string[];
      const [given] = (part['parameters'] as Part[]).map(valueOf);
      if (before?.startsWith('at >= clock_timestamp() - make_interval(secs =>'))
        return (row['at'] as Date).getTime() >= now() - Number(given) * 1000;
      const list = Array.isArray(given) ? given : [given];
      const [, column] = /^(\w+)(?:\[1\])? (= any\(|\|\| '' = )$/.exec(before ?? '') ?? [];
      if (column === undefined) throw new Error(`a condition in memory: ${before ?? ''}`);
      const value = before?.startsWith('objects[1]') ? (row[column] as unknown[])[0] : row[column];
      return list.includes(value);
    }
    default:
      throw new Error(`a condition in memory: ${part.kind}`);
  }
}

function compared(left: unknown, operator: string, right: unknown): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  const [one, other] = [left as number, right as number];
  switch (operator) {
    case '=':
      return one === other;
    case '<':
      return one < other;
    case '<=':
      return one <= other;
    case '>':
      return one > other;
    case '>=':
      return one >= other;
    default:
      throw new Error(`a comparison in memory: ${operator}`);
  }
}

function tableOf(part: Part | undefined): TableName {
  return (part as unknown as { table: { identifier: { name: TableName } } }).table.identifier.name;
}

function nameOf(part: Part): string {
  const column = (part.kind === 'ReferenceNode' ? part['column'] : part) as Part;
  return (column['column'] as { name: string }).name;
}

/** A value as a row has it; `convert_to` and `decode` of the outbox become bytes. */
function valueOf(part: unknown): unknown {
  const node = part as Part | undefined;
  if (node?.kind === 'ValueNode') return node['value'];
  if (node?.kind !== 'RawNode') return part;
  const [before = ''] = node['sqlFragments'] as string[];
  const [value] = (node['parameters'] as Part[]).map(valueOf);
  if (before.startsWith('convert_to')) return Buffer.from(String(value));
  if (before.startsWith('decode')) return Buffer.from(String(value), 'hex');
  throw new Error(`a value in memory: ${before}`);
}
