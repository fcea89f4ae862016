import { LogRepository } from '../../packages/service-kit/src/audit-log/log.repository.js';
import type { PlacedRow } from '../../packages/service-kit/src/audit-log/log.repository.js';
import type { LogHead } from '../../packages/service-kit/src/audit-log/log-head.js';
import type { IsWritten, Waiting } from '../../packages/service-kit/src/audit-log/waiting.js';
import { UNKNOWN_MINUTES } from '../../packages/service-kit/src/audit-log/waiting.js';
import type { UnsignedLeaf } from '../../packages/service-kit/src/audit-log/unsigned-rows.js';
import { UnsignedRows } from '../../packages/service-kit/src/audit-log/unsigned-rows.js';
import { memoryDatabase } from './memory-database.js';
import type { MemoryTables, Row } from './memory-tables.js';

type Db = Parameters<LogRepository['addEntries']>[0];

const bytes = (value: unknown) => Uint8Array.from(value as Uint8Array);
const bytesOrNull = (value: unknown) => (value === null || value === undefined ? null : bytes(value));

/** The repository of the log; statements of several tables are written out here. */
export class MemoryLogs extends LogRepository {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables, db = memoryDatabase(tables)) {
    super(db);
    this.#tables = tables;
  }

  override async waiting(known: readonly string[], isWritten: IsWritten): Promise<Waiting[]> {
    const tables = this.#tables;
    const found = new Map<string, Waiting>();
    const seconds = (at: unknown) => (tables.now() - (at as Date).getTime()) / 1000;
    const add = (org: string, more: Omit<Waiting, 'org'>) => {
      const { rows, seconds: oldest, unknown } = found.get(org) ?? { rows: 0, seconds: 0, unknown: 0 };
      const larger = {
        rows: rows + more.rows,
        seconds: Math.max(oldest, more.seconds),
        unknown: unknown + more.unknown,
      };
      found.set(org, { org, ...larger });
    };
    for (const row of tables.of('audit_outbox')) {
      const age = seconds(row['at']);
      const isUnknown = !known.includes(String(row['secret_id'])) && age > UNKNOWN_MINUTES * 60;
      add(String(row['org']), { rows: 1, seconds: age, unknown: isUnknown ? 1 : 0 });
    }
    for (const { org, log, size, checkpoint_size: signed } of tables.of('audit_log')) {
      if (Number(signed) >= Number(size) || !(await isWritten(String(org), Number(log)))) continue;
      const oldest = tables.of('audit_entry').find((row) => isAt(row, org, log, signed));
      add(String(org), { rows: 0, seconds: oldest === undefined ? 0 : seconds(oldest['at']), unknown: 0 });
    }
    return [...found.values()];
  }

  override addEntries(_trx: Db, { org, log, size }: LogHead, rows: readonly PlacedRow[]): Promise<void> {
    const tables = this.#tables;
    for (const [place, { id, act, res, kid, objects }] of rows.entries()) {
      const [row] = tables.delete('audit_outbox', (one) => one['org'] === org && one['id'] === id);
      if (row === undefined) throw new Error('rows of the outbox are gone that were held');
      const { at, leaf, evidence, secret_id, mac } = row;
      const idx = size + place;
      tables.insert('audit_unsigned', { org, log, idx, secret_id, mac });
      tables.insert('audit_entry', { org, log, idx, at, leaf, evidence, act, res, kid, objects });
    }
    return Promise.resolve();
  }
}

/** What stands beside entries. */
export class MemoryUnsigned extends UnsignedRows {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    super(memoryDatabase(tables));
    this.#tables = tables;
  }

  override unsignedLeaves(org: string, log: number, from: number, to: number): Promise<UnsignedLeaf[]> {
    const leaves = this.#tables
      .of('audit_entry')
      .filter(
        (row) => row['org'] === org && row['log'] === log && Number(row['idx']) >= from && Number(row['idx']) < to,
      )
      .flatMap((row) => {
        const index = Number(row['idx']);
        const beside = this.#tables.of('audit_unsigned').filter((one) => isAt(one, org, log, index));
        const found: readonly Row[] = beside.length === 0 ? [{}] : beside;
        return found.map(({ secret_id: id, mac }) => ({
          index,
          leaf: bytes(row['leaf']),
          secretId: (id ?? null) as string | null,
          mac: bytesOrNull(mac),
        }));
      });
    return Promise.resolve(leaves.toSorted((one, other) => one.index - other.index));
  }

  override handBack(_trx: Db, org: string, log: number): Promise<number> {
    const tables = this.#tables;
    const beside = tables.delete('audit_unsigned', (row) => row['org'] === org && row['log'] === log);
    let handed = 0;
    for (const { idx, secret_id, mac } of beside.toSorted((one, other) => Number(one['idx']) - Number(other['idx'])))
      for (const { at, leaf, evidence } of tables.of('audit_entry').filter((row) => isAt(row, org, log, idx))) {
        tables.insert('audit_outbox', { org, at, leaf, evidence, secret_id, mac });
        handed++;
      }
    return Promise.resolve(handed);
  }
}

export function isAt(row: Row, org: unknown, log: unknown, index: unknown): boolean {
  return row['org'] === org && row['log'] === log && row['idx'] === index;
}
