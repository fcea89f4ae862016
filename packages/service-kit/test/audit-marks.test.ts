import { noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { NewMark } from '../src/audit-log/marks.js';
import type { Pen } from '../src/audit-log/log-pens.js';
import { LogMarks } from '../src/audit-log/marks.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { Partitions } from '../src/audit-log/partitions.js';
import type { LedgerTables } from '../src/audit/ledger-tables.js';
import type { Database } from '../src/index.js';
import { outboxForTest } from '../src/testing.js';
import type { LogKeyForTest, WriterOptions } from './log-writer.js';
import { folderFor, logKeyForTest, originOfLog, URN, writerForTest } from './log-writer.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// Two processes that share one folder of marks, in the orders that would have one sign what the other contradicts.

const TABLES = ['audit_outbox', 'audit_unsigned', 'audit_entry', 'audit_tile', 'audit_log'] as const;
const NEWER = 'another process has signed the log meanwhile';

describe('two processes with one folder of marks', () => {
  let tiny: Tiny;
  let db: Database<LedgerTables>['db'];
  let key: LogKeyForTest;
  let folder: string;
  let marks: LogMarks;
  let logs: LogRepository;
  beforeAll(async () => {
    // The service itself leaves the log alone.
    tiny = await startTiny({ limits: { auditIntervalMs: 3_600_000 } });
    ({ db } = tiny.database);
    key = await logKeyForTest(1);
    logs = new LogRepository(db);
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await db.deleteFrom(table).execute();
    folder = folderFor(folderForTest('audit-marks'), key);
    marks = new LogMarks(folder);
  });

  const { outbox, rows: secrets } = outboxForTest();
  const writer = (options: Partial<WriterOptions> = {}) =>
    writerForTest({ database: tiny.database, folder, listed: [key], rows: secrets, ...options });
  const run = () => writer().sequencer.run();

  let decided = 0;
  const decide = (count: number) => {
    const row = () => ({ org: 'acme', event: `{"act":"thing.do","n":${++decided}}`, evidence: null });
    return outbox.write(db, ...Array.from({ length: count }, row));
  };

  /** Grows the log without signing it. */
  const grow = (count: number) =>
    decide(count).then(() =>
      writer({ signs: (signer) => Object.assign(signer, { sign: async () => {} }) }).sequencer.run(),
    );

  /** Signs as a process that sleeps once it knows which marks there are and which tree it is to sign. */
  const signLate = async (meanwhile: () => Promise<void>) => {
    const sleepy = Object.assign(new LogRepository(db), {
      async find(org: string, number: number) {
        const head = await logs.find(org, number);
        await meanwhile();
        return head;
      },
    });
    const { signer, pens } = writer({ logs: sleepy });
    await signer.sign((await pens.of('acme')) as Pen);
  };

  /** Signs as a process that has shown that it may, and sleeps before it puts that down. */
  const signLateBeforeMark = async (meanwhile: () => Promise<void>) => {
    const sleepy = Object.assign(new LogMarks(folder), {
      write: (org: string, mark: NewMark) => meanwhile().then(() => marks.write(org, mark)),
    });
    const { signer, pens } = writer({ marks: sleepy });
    await signer.sign((await pens.of('acme')) as Pen);
  };

  const sizes = async () => (await marks.read('acme')).map(({ size }) => size);
  const signed = async () => (await logs.find('acme', 1))?.signedSize;

  /** What the database has of the log, and how to bring it back. */
  const backUp = async () => {
    const rows = await Promise.all(TABLES.map((table) => db.selectFrom(table).selectAll().execute()));
    return async () => {
      for (const table of TABLES) await db.deleteFrom(table).execute();
      for (const [index, table] of [...TABLES.entries()].toReversed())
        if (rows[index]?.length !== 0)
          await db
            .insertInto(table)
            .values(rows[index] as never)
            .execute();
    };
  };

  it('keeps the newer mark when the other wakes with an older tree, and notices a loss by it', async () => {
    await decide(3);
    await run();
    expect(await sizes()).toEqual([1, 4]);
    await grow(2);
    const goBack = await backUp();
    const late = signLate(async () => {
      await decide(3);
      await run();
    });
    await expect(late).rejects.toThrow(NEWER);
    expect(await sizes()).toEqual([1, 9]);
    await decide(1);
    await run();
    expect(await sizes()).toEqual([1, 10]);
    expect(await signed()).toBe(10);
    await goBack();
    await decide(1);
    await expect(run()).rejects.toMatchObject({ name: 'LogLost', mark: { size: 10 } });
  });

  it('has nobody sign a tree once another was about to sign one that it does not continue [guard: log-mark-alone]', async () => {
    await decide(3);
    await run();
    const goBack = await backUp();
    await grow(2);
    const late = signLateBeforeMark(async () => {
      await goBack();
      await decide(4);
      await run();
    });
    await expect(late).rejects.toThrow(NEWER);
    expect(await signed()).toBe(8);
    await decide(1);
    await expect(run()).rejects.toMatchObject({ name: 'LogLost', mark: { size: 8 } });
  });

  it('takes a newer mark of another for no loss, of which it knew nothing when it looked', async () => {
    await decide(1);
    await run();
    await grow(1);
    const late = signLate(async () => {
      await decide(1);
      await run();
    });
    await expect(late).rejects.toThrow(NEWER);
    await decide(1);
    await run();
    expect(await sizes()).toEqual([1, 5]);
  });

  it('has one of two begin a log, and the other go on with that [guard: mark-begin-once]', async () => {
    const one = writer();
    let first: readonly unknown[] = [];
    const sleepy = Object.assign(new LogMarks(folder), {
      async begin(org: string, number: number, mark: NewMark) {
        await one.begin.begin((await one.pens.of('acme')) as Pen, undefined);
        first = await marks.read('acme');
        return marks.begin(org, number, mark);
      },
    });
    const other = writer({ marks: sleepy });
    await expect(other.begin.begin((await other.pens.of('acme')) as Pen, undefined)).resolves.toBe(false);
    expect(await marks.read('acme')).toEqual(first);
    await decide(1);
    await run();
    expect(await signed()).toBe(2);
  });

  it.each([['was set up for another service', 'urn:bulla:acme:svc:responder:eu1']])(
    'refuses a folder that %s [guard: mark-folder-urn]',
    async (_, urn) => {
      await expect(marks.prepare(urn)).rejects.toThrow('was set up for');
      await expect(marks.prepare(URN)).resolves.toBe(true);
      await expect(new LogMarks(folderForTest('audit-marks')).prepare(URN)).resolves.toBe(false);
    },
  );

  it('signs nothing of a number below that of its folder, marks or not [guard: sign-below-folder]', async () => {
    await decide(1);
    await run();
    await grow(2);
    const { signer, pens } = writer();
    const pen = await pens.of('acme');
    await signer.sign({ ...(pen as Pen), signsFrom: 2 });
    expect(await signed()).toBe(2);
  });

  it('leaves a log behind as long as nobody signs it: what is written is no more than what waits [guard: audit-lag-unsigned]', async () => {
    await decide(2);
    await run();
    expect(await logs.waiting()).toEqual([]);
    await grow(2);
    // In the first hour of a month that is another.
    await new Partitions('tiny').require(db, [new Date(Date.now() - 3_600_000)]);
    await db.updateTable('audit_entry').set({ at: sql`at - interval '1 hour'` }).where('idx', '=', 3).execute();
    const [behind, ...others] = await logs.waiting();
    expect({ behind, others }).toMatchObject({ behind: { org: 'acme', rows: 0 }, others: [] });
    expect(behind?.seconds).toBeGreaterThan(3_600);
    // What waits beside it is counted with it.
    await decide(3);
    const [both] = await logs.waiting();
    expect(both).toMatchObject({ org: 'acme', rows: 3 });
    expect(both?.seconds).toBeGreaterThan(3_600);
    await run();
    expect(await logs.waiting()).toEqual([]);
  });

  it('tells marks of organisations apart whose names begin alike', async () => {
    const origin = originOfLog(1, 'acme-2');
    const note = await signCheckpoint(origin, { size: 1, root: new Uint8Array(32) }, [
      { key: await noteKeyOf(origin, key.pair.publicJwk), signer: key.signer },
    ]);
    await marks.write('acme-2', { note });
    expect(await marks.read('acme')).toEqual([]);
    expect(await marks.read('acme-2')).toMatchObject([{ origin, size: 1, note }]);
  });
});
