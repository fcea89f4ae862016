import { createHash } from 'node:crypto';
import { textOf } from './judge.js';
import type { MemoryTables, Row } from './memory-tables.js';

/**
 * What is authenticated and signed by nobody yet, by leaf and MAC. Who has SQL takes a row by deleting it, by saying that it is
 * signed, and by putting its leaf into the tree, since the sequencer drops a second one: that it is gone only the process
 * that wrote it can notice.
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

/** Whether the leaf of a row is in a tree of the organisation: what the entries beside it say is anybody's word. */
function isInLog(tables: MemoryTables, row: Row): boolean {
  const leaf = Uint8Array.from(row['leaf'] as Uint8Array);
  const hash = createHash('sha256').update(Uint8Array.of(0)).update(leaf).digest();
  return tables
    .of('audit_tile')
    .filter(({ org, level }) => org === row['org'] && level === 0)
    .some(({ hashes }) => {
      const tile = Buffer.from(hashes as Uint8Array);
      for (let at = 0; at < tile.length; at += hash.length)
        if (tile.subarray(at, at + hash.length).equals(hash)) return true;
      return false;
    });
}
