import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { EMPTY_FRONTIER, encodeFrontier, leafHash, noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { growTree } from '../src/audit-log/growth.js';
import type { Pen } from '../src/audit-log/log-pens.js';
import type { LedgerTables } from '../src/audit/ledger-tables.js';
import type { Database } from '../src/index.js';
import { outboxForTest } from '../src/testing.js';
import type { LogKeyForTest, WriterOptions } from './log-writer.js';
import { folderFor, logKeyForTest, originOfLog, writerForTest } from './log-writer.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// Notes and entries that stand in the database, of which the folder of marks knows nothing: what of them comes under a
// signature of the service.

const TABLES = [
  'audit_outbox',
  'audit_unsigned',
  'audit_entry',
  'audit_tile',
  'audit_cosignature',
  'audit_log',
] as const;

describe('a signer and what it finds in the database', () => {
  let tiny: Tiny;
  let db: Database<LedgerTables>['db'];
  let keys: readonly [LogKeyForTest, LogKeyForTest, LogKeyForTest];
  let ended: TreeHead;
  const { outbox, rows: secrets } = outboxForTest();
  beforeAll(async () => {
    // The service itself leaves the log alone.
    tiny = await startTiny({ limits: { auditIntervalMs: 3_600_000 } });
    ({ db } = tiny.database);
    keys = [await logKeyForTest(1), await logKeyForTest(2), await logKeyForTest(3)];
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await db.deleteFrom(table).execute();
  });

  const writer = (options: Pick<WriterOptions, 'folder'> & Partial<WriterOptions>) =>
    writerForTest({ database: tiny.database, listed: keys, rows: secrets, ...options });
  const decide = (n: number) => outbox.write(db, { org: 'acme', event: `{"act":"thing.do","n":${n}}`, evidence: null });
  const noteBy = async ({ pair, signer }: LogKeyForTest, head: TreeHead, origin = originOfLog(1)) =>
    signCheckpoint(origin, head, [{ key: await noteKeyOf(origin, pair.publicJwk), signer }]);

  /** Log 1 as it ended, with the note that its key signed, and what somebody put beside that. */
  const withNotes = async (planted: string) => {
    const { frontier, head } = await growTree(EMPTY_FRONTIER, [await leafHash(utf8('{"n":1}'))]);
    ended = head;
    const log = { org: 'acme', log: 1, origin: originOfLog(1), ...head, frontier: encodeFrontier(frontier) };
    await db
      .insertInto('audit_log')
      .values({ ...log, checkpoint: await noteBy(keys[0], head), checkpoint_size: 1 })
      .execute();
    const cosigned = { org: 'acme', log: 1, witness: 'w', key: 'k', size: 900, at: 1, line: 'l', checkpoint: planted };
    await db.insertInto('audit_cosignature').values(cosigned).execute();
  };

  /** What the first entry of a log says of those before it. */
  const saidBy = async (log: number) => {
    const first = db.selectFrom('audit_entry').select('leaf').where('log', '=', log).where('idx', '=', 0);
    const { leaf } = await first.executeTakeFirstOrThrow();
    return (JSON.parse(Buffer.from(leaf).toString()) as { obj: { before: unknown } }).obj.before;
  };

  /** What log 3 says of the logs before it, by a folder that knows none of them. */
  const begun = async () => {
    const folder = folderFor(folderForTest('audit-marks'), keys[2]);
    await decide(1);
    await writer({ folder }).sequencer.run();
    return saidBy(3);
  };
  const signedAlone = () => [
    { log: 1, note: { origin: originOfLog(1), size: 1, root: Buffer.from(ended.root).toString('base64url') } },
    { log: 2, note: null },
  ];

  it('says of a log before the newest note that was signed, not one that nobody signed [guard: before-unsigned-note]', async () => {
    const note = await noteBy(keys[0], { size: 900, root: new Uint8Array(32) });
    await withNotes(note.replace('\n900\n', '\n901\n'));
    expect(await begun()).toMatchObject(signedAlone());
  });

  it('says of a log before what its own key signed, not that of another number [guard: log-note-number]', async () => {
    await withNotes(await noteBy(keys[1], { size: 900, root: new Uint8Array(32) }));
    expect(await begun()).toMatchObject(signedAlone());
    // The control: the same note under the key of its number is the newest one.
    for (const table of TABLES) await db.deleteFrom(table).execute();
    await withNotes(await noteBy(keys[0], { size: 900, root: new Uint8Array(32) }));
    expect(await begun()).toMatchObject([{ log: 1, note: { size: 900 } }, { log: 2 }]);
  });

  /** What log 3 says of those before it, after logs 1 and 2 were written and some keys are gone. */
  const third = async (listed: readonly LogKeyForTest[]) => {
    const folder = folderFor(folderForTest('audit-marks'), keys[0]);
    for (const known of [keys.slice(0, 1), keys.slice(0, 2)]) {
      await decide(1);
      await writer({ folder, listed: known }).sequencer.run();
    }
    await decide(1);
    await writer({ folder, listed }).sequencer.run();
    return saidBy(3);
  };

  it('says of a log whose key is gone what the log after it said', async () => {
    const [, two, three] = keys;
    expect(await third([two, three])).toMatchObject([
      { log: 1, note: { origin: originOfLog(1), size: 2 } },
      { log: 2, note: { origin: originOfLog(2), size: 2 } },
    ]);
  });

  it('says of a log what its key signed that was revoked since', async () => {
    const folder = folderFor(folderForTest('audit-marks'), keys[0]);
    await decide(1);
    await writer({ folder, listed: [keys[0]] }).sequencer.run();
    await decide(1);
    const [one, two] = keys;
    await writer({ folder, listed: [one, two], held: [two], revoked: [one] }).sequencer.run();
    expect(await saidBy(2)).toMatchObject([{ log: 1, note: { size: 2 } }]);
  });

  it('says nothing of a log that a file alone speaks of, which no known key signed [guard: before-mark-signed]', async () => {
    const stranger = await logKeyForTest(1);
    const planted = await noteBy(stranger, { size: 900, root: new Uint8Array(32) });
    const folder = folderFor(folderForTest('audit-marks'), keys[1]);
    writeFileSync(join(folder, 'acme.planted.json'), JSON.stringify({ v: 2, note: planted }));
    await decide(1);
    await writer({ folder, listed: [keys[1]] }).sequencer.run();
    expect(await saidBy(2)).toEqual([{ log: 1, note: null }]);
  });

  it('signs no tree with an entry that no process of the service wrote [guard: sign-authenticated]', async () => {
    const folder = folderFor(folderForTest('audit-marks'), keys[0]);
    const process = writer({ folder, listed: [keys[0]] });
    await decide(1);
    await process.sequencer.run();
    const signed = await process.marks.read('acme');
    // A process that only sequences brings an entry in; then what vouches for it is gone.
    await decide(2);
    await writer({ folder: folderForTest('audit-marks'), listed: [keys[0]] }).sequencer.run();
    await db.deleteFrom('audit_unsigned').execute();
    const pen = (await process.pens.of('acme')) as Pen;
    await expect(process.signer.sign(pen)).rejects.toMatchObject({ name: 'LogLost', why: 'unauthenticated' });
    expect(await process.marks.read('acme')).toEqual(signed);
  });
});
