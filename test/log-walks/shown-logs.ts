import { Problem } from '@bulla/contract';
import { encodeBase64url, utf8 } from '@bulla/crypto';
import {
  makeConsistencyProof,
  makeInclusionProof,
  parseCheckpoint,
  parseNote,
  verifyCheckpoint,
} from '@bulla/crypto/log';
import { treeHashes } from '../../packages/service-kit/src/audit-log/tree-hashes.js';
import { MemoryLogs } from './memory-logs.js';
import type { Row } from './memory-tables.js';
import type { World } from './world.js';

interface Call {
  readonly params?: Readonly<Record<string, number>>;
  readonly query?: Readonly<Record<string, number>>;
  readonly body?: { readonly checkpoint: string };
}

/** What the routes of auditors and witnesses answer, from the tables as they are: who has SQL decides what is shown. */
export async function answer(world: World, org: string, name: string, { params = {}, query = {}, body }: Call) {
  const { tables } = world;
  const logs = new MemoryLogs(tables);
  const own = (table: 'audit_log' | 'audit_entry' | 'audit_cosignature') =>
    tables.of(table).filter((row) => row['org'] === org);
  const all = own('audit_log').toSorted((one, other) => Number(one['log']) - Number(other['log']));
  const log = query['log'] ?? Number(all.at(-1)?.['log'] ?? 0);
  const row = all.find((one) => one['log'] === log);
  switch (name) {
    case 'audit.checkpoint':
      return {
        data: all.map(({ log: number, origin, checkpoint }) => {
          const witnessed = own('audit_cosignature').filter((one) => one['log'] === number);
          const shown = { log: number, origin, checkpoint, first: 0 };
          return world.isWitnessed ? { ...shown, witnessed: witnessed.map((one) => one['checkpoint']) } : shown;
        }),
      };
    case 'audit.tile': {
      const hashes = row && (await logs.tile(org, log, { level: params['level'] ?? 0, idx: params['index'] ?? 0 }));
      const length = (query['width'] ?? 256) * 32;
      if (hashes === undefined || hashes.length < length) throw new Problem('not_found');
      return { hashes: encodeBase64url(hashes.slice(0, length)) };
    }
    case 'audit.bundle': {
      const [first, width] = [(params['index'] ?? 0) * 256, query['width'] ?? 256];
      const rows = entries(own('audit_entry'), log, first, first + width);
      if (rows.length !== width) throw new Problem('not_found');
      return { data: rows.map(recordOf) };
    }
    case 'audit.get': {
      const [found] = entries(own('audit_entry'), log, params['index'] ?? 0, (params['index'] ?? 0) + 1);
      if (found === undefined) throw new Problem('not_found');
      return recordOf(found);
    }
    case 'audit.prove': {
      const { size = 0, entry, older } = query;
      if (row === undefined || size > Number(row['size']) || (entry ?? 0) >= size || (older ?? 0) > size)
        throw new Problem('not_found');
      const read = treeHashes(logs, { org, log, size });
      const [inclusion, consistency] = [
        entry === undefined ? undefined : await makeInclusionProof(entry, size, read),
        older === undefined ? undefined : await makeConsistencyProof(older, size, read),
      ];
      return {
        ...(inclusion && { inclusion: inclusion.map(encodeBase64url) }),
        ...(consistency && { consistency: consistency.map(encodeBase64url) }),
      };
    }
    case 'audit.cosign':
      return keep(world, org, body?.checkpoint ?? '');
    default:
      throw new Error(`nobody answers ${name}`);
  }
}

/** As the service does that is brought a cosignature: of a log that it has, and never a smaller one in the place of a larger. */
async function keep(world: World, org: string, checkpoint: string) {
  const { tables, keys } = world;
  const said = parseCheckpoint(parseNote(utf8(checkpoint)).text);
  const row = tables.of('audit_log').find((one) => one['org'] === org && one['origin'] === said.origin);
  const log = Number(row?.['log'] ?? 0);
  if (row === undefined || said.size > Number(row['size'])) throw new Problem('not_found');
  const { key } = await keys.noteSigner(log, said.origin);
  await verifyCheckpoint(utf8(checkpoint), { origin: said.origin, keys: [key], witnesses: [keys.witness.key] });
  const own = { org, log, witness: 'w1', size: said.size, checkpoint };
  const before = tables.same('audit_cosignature', own);
  if (before !== undefined && Number(before['size']) > said.size) return { log, kept: [] };
  tables.delete('audit_cosignature', (one) => one === before);
  tables.insert('audit_cosignature', own);
  return { log, kept: [] };
}

function entries(rows: readonly Row[], log: number, from: number, to: number): Row[] {
  return rows
    .filter((row) => row['log'] === log && Number(row['idx']) >= from && Number(row['idx']) < to)
    .toSorted((one, other) => Number(one['idx']) - Number(other['idx']));
}

function recordOf({ idx, at, leaf, evidence }: Row) {
  const text = Buffer.from(leaf as Uint8Array).toString();
  return { index: idx, at: (at as Date).toISOString(), leaf: text, evidence };
}
