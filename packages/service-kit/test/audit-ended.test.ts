import { encodeLeaf } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import { noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { LogMarks } from '../src/audit-log/marks.js';
import type { Database, LedgerTables } from '../src/index.js';
import { outboxForTest, TestClock } from '../src/testing.js';
import type { LogKeyForTest, WriterOptions } from './log-writer.js';
import { folderFor, logKeyForTest, originOfLog, writerForTest } from './log-writer.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// What becomes of decisions that a process writes into a log which ends, or has ended, without knowing it.

const TABLES = ['audit_outbox', 'audit_unsigned', 'audit_set_aside', 'audit_entry', 'audit_tile', 'audit_log'] as const;

describe('a log that ends', () => {
  let tiny: Tiny;
  let database: Database<LedgerTables>;
  let keys: readonly [LogKeyForTest, LogKeyForTest, LogKeyForTest];
  let folder = '';
  const { outbox, rows } = outboxForTest();
  const clock = new TestClock(Date.now());
  beforeAll(async () => {
    // The service itself leaves the log alone.
    tiny = await startTiny({ limits: { auditIntervalMs: 3_600_000 } });
    ({ database } = tiny);
    keys = [await logKeyForTest(1), await logKeyForTest(2), await logKeyForTest(3)];
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    folder = folderFor(folderForTest('audit-marks'), keys[0]);
  });

  /** A process, by a directory that lists keys of the logs up to a number. */
  const processOf = (number: number, options: Partial<WriterOptions> = {}) =>
    writerForTest({ database, folder, listed: keys.slice(0, number), rows, parts: { clock }, ...options });
  const withoutFolder = (number: number) => processOf(number, { folder: folderForTest('audit-none') });
  const decide = async (count = 1) => {
    const atMs = clock.nowMs();
    const events = Array.from({ length: count }, () =>
      encodeLeaf(
        { id: mintId('aud', atMs), t: new Date(atMs).toISOString(), org: 'acme' },
        { v: 1, who: { type: 'service' }, act: 'kek.destroy', res: 'ok', obj: { kek: 7 } },
      ),
    );
    await outbox.write(database.db, ...events.map((event) => ({ org: 'acme', event, evidence: null })));
    return events;
  };
  const run = (statement: string) => sql.raw(statement.replaceAll('tiny.', `${database.schema}.`)).execute(database.db);
  /** What is in a log, without its first entry. */
  const inLog = async (log: number) => {
    const found = database.db.selectFrom('audit_entry').select('leaf').where('log', '=', log).where('idx', '>', 0);
    return (await found.orderBy('idx').execute()).map(({ leaf }) => Buffer.from(leaf).toString());
  };
  /** The next log begins and goes on. */
  const goOn = async () => {
    for (let turns = 0; turns < 3; turns++) {
      await decide();
      await processOf(2).sequencer.run();
    }
  };

  it('hands all on that is not signed, where its database went back and a replica wrote more', async () => {
    await decide(3);
    await processOf(1).sequencer.run();
    const before = await Promise.all(TABLES.map((table) => database.db.selectFrom(table).selectAll().execute()));
    await decide(4);
    await processOf(1).sequencer.run();
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    for (const [index, table] of [...TABLES.entries()].toReversed()) {
      const found = before[index] ?? [];
      if (found.length > 0)
        await database.db
          .insertInto(table)
          .values(found as never)
          .execute();
    }
    const events = await decide(2);
    await expect(processOf(1).sequencer.run()).rejects.toMatchObject({ why: 'changed' });
    await withoutFolder(1).sequencer.run();
    await goOn();
    expect(await inLog(2)).toEqual(expect.arrayContaining(events));
  });

  it('hands on what a replica wrote by the directory of before [guard: turn-takes-back]', async () => {
    await decide(3);
    await processOf(1).sequencer.run();
    await processOf(2).sequencer.run();
    await decide();
    await processOf(2).sequencer.run();
    const events = await decide(2);
    await withoutFolder(1).sequencer.run();
    expect(await inLog(1)).toEqual(expect.arrayContaining(events));
    await goOn();
    expect(await inLog(2)).toEqual(expect.arrayContaining(events));
  });

  it('hands on what a process wrote that slept meanwhile', async () => {
    await decide(3);
    await processOf(1).sequencer.run();
    const events = await decide(2);
    const logs = new LogRepository(database.db);
    const transaction = logs.transaction.bind(logs);
    logs.transaction = async (work) => {
      logs.transaction = transaction;
      const next = processOf(2);
      const pen = await next.pens.of('acme');
      if (pen !== undefined) await next.begin.begin(pen, undefined);
      return transaction(work);
    };
    await processOf(1, { logs })
      .sequencer.run()
      .catch(() => undefined);
    expect(await inLog(1)).toEqual(expect.arrayContaining(events));
    await goOn();
    expect(await inLog(2)).toEqual(expect.arrayContaining(events));
  });

  it('brings in nothing a second time that goes back although it was signed', async () => {
    const events = await decide(3);
    await processOf(1).sequencer.run();
    await run(`insert into tiny.audit_unsigned (org, log, idx, secret_id, mac)
      select 'acme', 1, 1, '${rows.seal('acme', events[0] ?? '').id}',
        decode('${Buffer.from(rows.seal('acme', events[0] ?? '').mac).toString('hex')}', 'hex')`);
    await goOn();
    expect(await inLog(2)).toHaveLength(3);
    expect(await inLog(2)).not.toContain(events[0]);
  });

  it.each([
    ['leaf that is longer than any', "now(), convert_to(repeat('x', 70000), 'UTF8')"],
    ['time that none is', "'290000-01-01', 'x'"],
  ])('begins the next although SQL put a %s among what goes back [guard: hand-back-fits]', async (_, values) => {
    await decide(3);
    await processOf(1).sequencer.run();
    await run('create table tiny.planted partition of tiny.audit_entry default');
    await run(`insert into tiny.audit_entry (org, log, idx, at, leaf, act, res, objects)
      values ('acme', 1, 900, ${values}, 'x', 'x', '{}')`);
    await run(`insert into tiny.audit_unsigned (org, log, idx) values ('acme', 1, 900)`);
    const events = await decide();
    await processOf(2)
      .sequencer.run()
      .catch(() => undefined);
    await run('drop table tiny.planted');
    expect(await inLog(2)).toEqual(events);
  });

  it('is lost where hashes of it are gone, and the next one begins [guard: sign-hashes-there]', async () => {
    await decide(255);
    await processOf(1).sequencer.run();
    await decide(20);
    await withoutFolder(1).sequencer.run();
    await run('delete from tiny.audit_tile where level = 1');
    await expect(processOf(1).sequencer.run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    await goOn();
    expect((await inLog(2)).length).toBeGreaterThan(20);
  });

  it('is what the next one said of it, whatever is signed for it later', async () => {
    await decide(3);
    await processOf(1).sequencer.run();
    await processOf(2).sequencer.run();
    await decide();
    await processOf(2).sequencer.run();
    const [{ pair, signer }] = keys;
    const origin = originOfLog(1);
    const late = { size: 1_000, root: new Uint8Array(32) };
    const note = await signCheckpoint(origin, late, [{ key: await noteKeyOf(origin, pair.publicJwk), signer }]);
    await new LogMarks(folder).write('acme', { note });
    await decide();
    await processOf(3).sequencer.run();
    const first = database.db.selectFrom('audit_entry').select('leaf').where('log', '=', 3).where('idx', '=', 0);
    const { leaf } = await first.executeTakeFirstOrThrow();
    expect(JSON.parse(Buffer.from(leaf).toString())).toMatchObject({
      obj: { before: [{ log: 1, note: { size: 4 } }, { log: 2 }] },
    });
  });
});
