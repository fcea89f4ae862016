import { readdirSync } from 'node:fs';
import type { Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner } from '@bulla/crypto';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { CheckpointSigner } from '../src/audit-log/checkpoint-signer.js';
import type { LogMark } from '../src/audit-log/marks.js';
import { LogMarks } from '../src/audit-log/marks.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { Partitions } from '../src/audit-log/partitions.js';
import { Sequencer } from '../src/audit-log/sequencer.js';
import type { LedgerTables } from '../src/audit/ledger-tables.js';
import { writeAudit } from '../src/audit/outbox.js';
import type { Database } from '../src/index.js';
import { EventLog } from '../src/index.js';
import { TestClock } from '../src/testing.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// Two processes that share one folder of marks, in the orders that would have one sign what the other contradicts.

const TABLES = ['audit_outbox', 'audit_entry', 'audit_tile', 'audit_log'] as const;
const NEWER = 'another process has signed the log meanwhile';

describe('two processes with one folder of marks', () => {
  let tiny: Tiny;
  let db: Database<LedgerTables>['db'];
  let key: Signer;
  let folder: string;
  let marks: LogMarks;
  let logs: LogRepository;
  beforeAll(async () => {
    // The service itself leaves the log alone.
    tiny = await startTiny({ limits: { auditIntervalMs: 3_600_000 } });
    ({ db } = tiny.database);
    key = await loadSigner((await generateKeyPair('ed25519', 'sig')).privateJwk, 'Ed25519');
    logs = new LogRepository(db);
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await db.deleteFrom(table).execute();
    folder = folderForTest('audit-marks');
    marks = new LogMarks(folder);
  });

  const log = new EventLog({ service: 'tiny', level: 'silent' });
  /** One process; its lock is always free. */
  const run = (signer = new CheckpointSigner({ logs, marks, keysOf: () => [key], log })) =>
    new Sequencer({
      database: { schema: 'tiny', exclusively: (_name, work) => work().then(() => true) },
      logs,
      lag: { note: () => {}, noteBlind: () => {} },
      metrics: { signed: () => {}, failed: () => {} },
      signer,
      keys: { urnIn: (org) => `urn:bulla:${org}:svc:vault` },
      clock: new TestClock(),
      log,
    }).run();

  let decided = 0;
  const decide = (count: number) => {
    const row = () => ({ org: 'acme', event: `{"act":"thing.do","n":${++decided}}`, evidence: null });
    return writeAudit(db, ...Array.from({ length: count }, row));
  };

  /** Grows the log without signing it. */
  const grow = (count: number) =>
    decide(count).then(() =>
      run(Object.assign(new CheckpointSigner({ logs, marks, keysOf: () => [key], log }), { sign: async () => {} })),
    );

  /** Of a process that sleeps once it knows which marks there are and which tree it is to sign. */
  const sleeper = (meanwhile: () => Promise<void>) => {
    const sleepy = Object.assign(new LogRepository(db), {
      async newest(org: string) {
        const head = await logs.newest(org);
        await meanwhile();
        return head;
      },
    });
    return new CheckpointSigner({ logs: sleepy, marks, keysOf: () => [key], log });
  };

  /** Of a process that has shown that it may sign, and sleeps before it puts that down. */
  const sleeperBeforeMark = (meanwhile: () => Promise<void>) => {
    const sleepy = Object.assign(new LogMarks(folder), {
      write: (org: string, mark: LogMark) => meanwhile().then(() => marks.write(org, mark)),
    });
    return new CheckpointSigner({ logs, marks: sleepy, keysOf: () => [key], log });
  };

  const sizes = async () => (await marks.read('acme')).map(({ size }) => size);
  const signed = async () => (await logs.newest('acme'))?.signedSize;

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

  it('keeps the newer mark when the other wakes with an older one, and notices a loss by it [guard: log-mark-alone]', async () => {
    await decide(3);
    await run();
    expect(await sizes()).toEqual([4]);
    await grow(2);
    const goBack = await backUp();
    const late = sleeper(async () => {
      await decide(3);
      await run();
    });
    await expect(late.sign('acme')).rejects.toThrow(NEWER);
    // Its own is beside it and harmless: what is signed next has to continue both.
    expect(await sizes()).toEqual([6, 9]);
    await decide(1);
    await run();
    expect(await sizes()).toEqual([10]);
    expect(await signed()).toBe(10);
    await goBack();
    await decide(1);
    await expect(run()).rejects.toMatchObject({ name: 'LogLost', mark: { size: 10 } });
  });

  it('has nobody sign a tree once another was about to sign one that it does not continue', async () => {
    await decide(3);
    await run();
    const goBack = await backUp();
    await grow(2);
    const late = sleeperBeforeMark(async () => {
      await goBack();
      await decide(4);
      await run();
    });
    await expect(late.sign('acme')).rejects.toThrow(NEWER);
    expect(await signed()).toBe(8);
    await decide(1);
    await expect(run()).rejects.toMatchObject({ name: 'LogLost', mark: { size: 8 } });
  });

  it('takes a newer mark of another for no loss while it begins with an empty folder', async () => {
    await decide(1);
    await run();
    folder = folderForTest('audit-marks');
    marks = new LogMarks(folder);
    await grow(1);
    const late = sleeper(async () => {
      await decide(1);
      await run();
    });
    await expect(late.sign('acme')).rejects.toThrow(NEWER);
    await decide(1);
    await run();
    expect(await sizes()).toEqual([5]);
    expect(readdirSync(folder)).toHaveLength(1);
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
    const mark = { origin: 'urn:bulla:acme-2:svc:vault/audit/1', kid: key.kid, size: 1, root: new Uint8Array(32) };
    await marks.write('acme-2', mark);
    expect(await marks.read('acme')).toEqual([]);
    expect(await marks.read('acme-2')).toMatchObject([mark]);
  });
});
