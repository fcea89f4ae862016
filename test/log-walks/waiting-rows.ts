import { textOf } from './judge.js';
import type { MemoryTables, Row } from './memory-tables.js';

/**
 * What is authenticated and signed by nobody yet, by leaf and MAC. Who has SQL takes a row by deleting it, by saying that it is
 * signed, and by putting its leaf into the log, since the sequencer drops a second one: that it is gone only the process that
 * wrote it can notice.
 */
export function waitingRows(tables: MemoryTables): Map<string, string> {
  const beside = tables.of('audit_unsigned').flatMap(({ org, log, idx, mac }) => {
    const head = tables.of('audit_log').find((row) => row['org'] === org && row['log'] === log);
    if (head === undefined || Number(head['checkpoint_size']) > Number(idx)) return [];
    const entry = tables
      .of('audit_entry')
      .find((row) => row['org'] === org && row['log'] === log && row['idx'] === idx);
    return entry === undefined ? [] : [{ org, mac, leaf: entry['leaf'] }];
  });
  const outbox = tables.of('audit_outbox').filter((row) => !isInLog(tables, row));
  return new Map(
    [...outbox, ...beside].map((row) => {
      const mac = Buffer.from((row['mac'] ?? []) as Uint8Array).toString('hex');
      return [`${String(row['org'])} ${mac} ${textOf(row)}`, textOf(row)];
    }),
  );
}

/** Whether the sequencer takes a row for one that came into the log before. */
function isInLog(tables: MemoryTables, row: Row): boolean {
  const logs = tables.of('audit_log').filter(({ org }) => org === row['org']);
  const newest = Math.max(...logs.map(({ log }) => Number(log)));
  return tables.of('audit_entry').some((entry) => {
    if (entry['org'] !== row['org'] || textOf(entry) !== textOf(row)) return false;
    const head = logs.find(({ log }) => log === entry['log']);
    return entry['log'] === newest || Number(entry['idx']) < Number(head?.['checkpoint_size'] ?? 0);
  });
}
