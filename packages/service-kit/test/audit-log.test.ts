import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPair, Signer } from '@bulla/crypto';
import { generateKeyPair, loadSigner, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import { makeConsistencyProof, noteKeyOf, verifyCheckpoint, verifyConsistency } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { CheckpointSigner } from '../src/audit-log/checkpoint-signer.js';
import type { LogMark } from '../src/audit-log/marks.js';
import { LogMarks } from '../src/audit-log/marks.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { Sequencer } from '../src/audit-log/sequencer.js';
import { treeHashes } from '../src/audit-log/tree-hashes.js';
import type { LedgerTables } from '../src/audit/ledger-tables.js';
import { writeAudit } from '../src/audit/outbox.js';
import type { Database } from '../src/index.js';
import { EventLog } from '../src/index.js';
import { TestClock } from '../src/testing.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const ORIGIN = 'urn:bulla:acme:svc:vault/audit/1';
const TABLES = ['audit_outbox', 'audit_entry', 'audit_tile', 'audit_log'] as const;

/** Of a process that hangs once it has read the head of a log. */
class HungLogs extends LogRepository {
  readonly #meanwhile: () => Promise<void>;

  constructor(db: Database<LedgerTables>['db'], meanwhile: () => Promise<void>) {
    super(db);
    this.#meanwhile = meanwhile;
  }

  override async newest(org: string) {
    const head = await super.newest(org);
    await this.#meanwhile();
    return head;
  }
}

/** Says whose rows are taken, in their order, and lets something happen after each. */
class WatchedLogs extends LogRepository {
  readonly taken: { org: string; rows: number }[] = [];
  after: (org: string) => Promise<void> = async () => {};

  override async take(...call: Parameters<LogRepository['take']>) {
    const rows = await super.take(...call);
    if (rows.length > 0) this.taken.push({ org: call[1], rows: rows.length });
    return rows;
  }

  override async transaction<Result>(work: Parameters<typeof LogRepository.prototype.transaction<Result>>[0]) {
    const result = await super.transaction(work);
    await this.after(this.taken.at(-1)?.org ?? '');
    return result;
  }
}

describe.each(stores)('the sequencer on %s', (store) => {
  let tiny: Tiny;
  let database: Database<LedgerTables>;
  let pair: KeyPair;
  let key: Signer;
  let lines: string[] = [];
  let folder = '';
  let decided = 0;
  beforeAll(async () => {
    // The service itself leaves the log alone, and all that waits in it.
    tiny = await startTiny({ on: store, limits: { auditIntervalMs: 3_600_000 } });
    database = tiny.database;
    pair = await generateKeyPair('ed25519', 'sig');
    key = await loadSigner(pair.privateJwk, 'Ed25519');
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    lines = [];
    folder = folderForTest('audit-marks');
  });

  /** One process that writes the log; its lock is always free, so that nothing but the fence is between two. */
  const sequencer = (options: { key?: Signer; folder?: string; logs?: LogRepository } = {}) => {
    const logs = new LogRepository(database.db);
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    const marks = new LogMarks(options.folder ?? folder);
    const signer = new CheckpointSigner({ logs, marks, keysOf: () => [options.key ?? key], log });
    const free = {
      schema: database.schema,
      exclusively: async (_name: string, work: () => Promise<void>) => {
        await work();
        return true;
      },
    };
    const keys = { urnIn: (org: string) => `urn:bulla:${org}:svc:vault` };
    const own = options.logs ?? logs;
    return new Sequencer({
      database: free,
      logs: own,
      lag: { note: () => {}, noteBlind: () => {} },
      metrics: { signed: () => {}, failed: () => {} },
      signer,
      keys,
      clock: new TestClock(),
      log,
    });
  };

  const decide = async (count: number, org = 'acme') => {
    const rows = Array.from({ length: count }, () => ({
      org,
      event: JSON.stringify({ act: 'thing.do', n: ++decided }),
      evidence: null,
    }));
    for (let from = 0; from < count; from += 500) await writeAudit(database.db, ...rows.slice(from, from + 500));
    return rows.map(({ event }) => event);
  };

  /** The folder holds this mark and no other. */
  const markAlone = async (mark: LogMark) => {
    const marks = new LogMarks(folder);
    await marks.supersede('acme', await marks.read('acme'), await marks.write('acme', mark));
  };

  const leaves = async (log = 1) => {
    const rows = await database.db
      .selectFrom('audit_entry')
      .select(['idx', 'leaf'])
      .where('org', '=', 'acme')
      .where('log', '=', log)
      .orderBy('idx')
      .execute();
    expect(rows.map(({ idx }) => idx)).toEqual(rows.map((_, index) => index));
    return rows.map(({ leaf }) => Buffer.from(leaf).toString());
  };

  /** The newest checkpoint, verified. */
  const signed = async (by = pair, origin = ORIGIN) => {
    const row = await database.db
      .selectFrom('audit_log')
      .select('checkpoint')
      .where('origin', '=', origin)
      .executeTakeFirstOrThrow();
    const keys = [await noteKeyOf(origin, by.publicJwk)];
    return (await verifyCheckpoint(utf8(row.checkpoint ?? ''), { origin, keys })).checkpoint;
  };

  const expectContinued = async (older: TreeHead) => {
    const newer = await signed();
    const hashes = treeHashes(new LogRepository(database.db), { org: 'acme', log: 1, size: newer.size });
    await verifyConsistency({ older, newer, proof: await makeConsistencyProof(older.size, newer.size, hashes) });
  };

  it('writes decisions once, in their order, behind an entry that begins the log, and signs what it wrote', async () => {
    const writer = sequencer();
    const first = await decide(3);
    await writer.run();
    const [begin, ...others] = await leaves();
    expect(JSON.parse(begin ?? '')).toMatchObject({ act: 'log.begin', who: { type: 'service' }, obj: { log: 1 } });
    expect(others).toEqual(first);
    const older = await signed();
    expect(older).toMatchObject({ size: 4 });
    const more = await decide(2_500);
    await writer.run();
    expect((await leaves()).slice(4)).toEqual(more);
    expect(await signed()).toMatchObject({ size: 2_504 });
    await expectContinued(older);
    expect(await database.db.selectFrom('audit_outbox').selectAll().execute()).toEqual([]);
    await writer.run();
    expect(await signed()).toMatchObject({ size: 2_504 });
  });

  it('of two at one moment lets one write, and loses nothing', async () => {
    const all: string[] = [];
    await sequencer().run();
    for (let round = 0; round < 8; round++) {
      all.push(...(await decide(40)));
      const pairs = [sequencer(), sequencer()].map((one) => one.run().catch((error: unknown) => error));
      all.push(...(await decide(40)));
      await Promise.all(pairs);
    }
    await sequencer().run();
    expect((await leaves()).slice(1).toSorted()).toEqual(all.toSorted());
    expect(await signed()).toMatchObject({ size: all.length + 1 });
  });

  it('lets one that hung write nothing behind another that went on, and takes nothing for lost [guard: log-fence]', async () => {
    const all = await decide(3);
    await sequencer().run();
    all.push(...(await decide(2)));
    const hung = new HungLogs(database.db, async () => {
      await sequencer().run();
      all.push(...(await decide(2)));
    });
    await expect(sequencer({ logs: hung }).run()).rejects.toThrow('another process has grown the log');
    expect(lines).toEqual([]);
    await sequencer().run();
    expect((await leaves()).slice(1)).toEqual(all);
    expect(await signed()).toMatchObject({ size: all.length + 1 });
  });

  it('goes on where one was killed between its tiles and its checkpoint', async () => {
    await decide(3);
    await sequencer().run();
    const older = await signed();
    await decide(5);
    const logs = new LogRepository(database.db);
    const killed = sequencer();
    // The signature of a process that is gone never comes.
    await database.db.updateTable('audit_log').set({ checkpoint_size: 4 }).execute();
    await killed.run();
    const note = (await database.db.selectFrom('audit_log').select('checkpoint').executeTakeFirstOrThrow()).checkpoint;
    await database.db.updateTable('audit_log').set({ checkpoint: note, checkpoint_size: 4 }).execute();
    await sequencer().run();
    expect(await signed()).toMatchObject({ size: 9 });
    expect((await logs.newest('acme'))?.signedSize).toBe(9);
    await expectContinued(older);
  });

  /** What the database has of the log, and how to bring it back. */
  const backUp = async () => {
    const rows = await Promise.all(TABLES.map((table) => database.db.selectFrom(table).selectAll().execute()));
    return async () => {
      for (const table of TABLES) await database.db.deleteFrom(table).execute();
      for (const [index, table] of [...TABLES.entries()].toReversed()) {
        const found = rows[index] ?? [];
        if (found.length > 0 && table !== 'audit_outbox')
          await database.db
            .insertInto(table)
            .values(found as never)
            .execute();
      }
    };
  };

  it('continues no log that went back, and signs nothing of it', async () => {
    await decide(3);
    await sequencer().run();
    const goBack = await backUp();
    await decide(3);
    await sequencer().run();
    await goBack();
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost' });
    expect(await leaves()).toHaveLength(4);
    expect(await signed()).toMatchObject({ size: 4 });
    expect(await database.db.selectFrom('audit_outbox').select('org').execute()).toHaveLength(1);
  });

  it('continues no log that went back and grew again elsewhere [guard: log-mark-consistent]', async () => {
    await decide(3);
    await sequencer().run();
    const goBack = await backUp();
    await decide(3);
    await sequencer().run();
    await goBack();
    // Another machine has no mark of what was signed since.
    await decide(9);
    await sequencer({ folder: folderForTest('audit-marks') }).run();
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost' });
  });

  it('signs no tree that was changed while nobody looked [guard: log-signed-continued]', async () => {
    await decide(300);
    await sequencer().run();
    const logs = new LogRepository(database.db);
    const grown = sequencer();
    await decide(3);
    const log = new EventLog({ service: 'tiny', level: 'silent' });
    const signer = new CheckpointSigner({ logs, marks: new LogMarks(folder), keysOf: () => [key], log });
    const before = await logs.newest('acme');
    await grown.run();
    // As if it had been written, and not signed.
    await markAlone({ origin: ORIGIN, kid: key.kid, size: 301, root: before?.root as never });
    await database.db.updateTable('audit_log').set({ checkpoint_size: 301 }).execute();
    await database.db
      .updateTable('audit_tile')
      .set({ hashes: sql`overlay(hashes placing '\\x00'::bytea from 3)` })
      .where('level', '=', 0)
      .where('idx', '=', 1)
      .execute();
    await expect(signer.sign('acme')).rejects.toMatchObject({ name: 'LogLost' });
  });

  it('continues no log under the mark of another, even of an equal tree [guard: log-mark-origin]', async () => {
    await decide(3);
    await sequencer().run();
    const { size, root } = await signed();
    // As where two services have one folder of marks.
    await markAlone({ origin: 'urn:bulla:acme:svc:other/audit/1', kid: key.kid, size, root });
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost' });
    expect(await signed()).toMatchObject({ size: 4 });
  });

  it('begins another log where one is lost and a new key is there, and says what was lost [guard: log-new-key]', async () => {
    await decide(3);
    await sequencer().run();
    const goBack = await backUp();
    const lost = await decide(3);
    await sequencer().run();
    const last = await signed();
    await goBack();
    const kept = await decide(2);
    const next = await generateKeyPair('ed25519', 'sig');
    const changed = { key: await loadSigner(next.privateJwk, 'Ed25519') };
    await expect(sequencer(changed).run()).resolves.toBeUndefined();
    const [begin, ...entries] = await leaves(2);
    expect(JSON.parse(begin ?? '')).toMatchObject({
      act: 'log.begin',
      obj: { log: 2, before: { origin: ORIGIN, size: 7, root: Buffer.from(last.root).toString('base64url') } },
    });
    expect(entries).toEqual(kept);
    expect(lost).toHaveLength(3);
    const origin = 'urn:bulla:acme:svc:vault/audit/2';
    expect(await signed(next, origin)).toMatchObject({ size: 3 });
    // Back once more, to before that log: the mark is of a log that is not there.
    await goBack();
    await decide(1);
    await expect(sequencer(changed).run()).rejects.toMatchObject({ name: 'LogLost', mark: { origin } });
    expect(await leaves()).toHaveLength(4);
  });

  it('begins none anew in another database under the key that signed before [guard: log-other-database]', async () => {
    await decide(3);
    await sequencer().run();
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    await decide(2);
    const writer = sequencer();
    await expect(writer.run()).rejects.toMatchObject({ name: 'LogLost' });
    await expect(writer.run()).rejects.toMatchObject({ name: 'LogLost' });
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toEqual([]);
    // Said once, for all the times at which it is tried again.
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { event: 'audit-log-lost', org: 'acme', origin: ORIGIN, signedSize: 4 },
    ]);
    const next = await generateKeyPair('ed25519', 'sig');
    await sequencer({ key: await loadSigner(next.privateJwk, 'Ed25519') }).run();
    expect(await leaves(2)).toHaveLength(3);
  });

  it('begins another log on a new machine with a new key, as after a restore from a backup', async () => {
    await decide(3);
    await sequencer().run();
    const older = await signed();
    const kept = await decide(2);
    const next = await generateKeyPair('ed25519', 'sig');
    const moved = { key: await loadSigner(next.privateJwk, 'Ed25519'), folder: folderForTest('audit-marks') };
    await sequencer(moved).run();
    expect(await signed()).toEqual(older);
    const [begin, ...entries] = await leaves(2);
    expect(JSON.parse(begin ?? '')).toMatchObject({ obj: { log: 2, before: { origin: ORIGIN, size: 4 } } });
    expect(entries).toEqual(kept);
    // What was written to the first and never signed waits for nobody.
    await database.db.updateTable('audit_log').set({ checkpoint_size: 0 }).where('log', '=', 1).execute();
    const logs = new LogRepository(database.db);
    expect(await logs.waiting()).toEqual([]);
    await decide(1);
    expect(await logs.waiting()).toMatchObject([{ org: 'acme', rows: 1 }]);
  });

  it('is looked at by its key, not by a scan of all that was ever taken', async () => {
    await decide(3);
    await database.db.connection().execute(async (one) => {
      const scans = async () => {
        await sql`select pg_stat_force_next_flush()`.execute(one);
        const { rows } = await sql<{ n: number }>`select seq_scan::int as n from pg_stat_user_tables
          where schemaname = ${database.schema} and relname = 'audit_outbox'`.execute(one);
        return rows[0]?.n ?? 0;
      };
      // What another connection scanned before may be counted just now, but not each time.
      const added: number[] = [];
      while (added.length < 5 && added.at(-1) !== 0) {
        const before = await scans();
        expect(await new LogRepository(one).waiting()).toMatchObject([{ org: 'acme', rows: 3 }]);
        added.push((await scans()) - before);
      }
      expect(added.at(-1)).toBe(0);
      const before = await scans();
      // The control: a scan is counted.
      await one.selectFrom('audit_outbox').selectAll().execute();
      expect(await scans()).toBeGreaterThan(before);
    });
  });

  it('continues a sound log under a new key', async () => {
    await decide(3);
    await sequencer().run();
    const older = await signed();
    const next = await generateKeyPair('ed25519', 'sig');
    await decide(2);
    await sequencer({ key: await loadSigner(next.privateJwk, 'Ed25519') }).run();
    expect(await signed(next)).toMatchObject({ size: 6 });
    expect(older.size).toBe(4);
    expect(await leaves(2)).toEqual([]);
  });

  it('keeps its mark in a file, says when it had none, and signs nothing by one that it cannot read', async () => {
    await decide(1);
    await sequencer().run();
    const [file = '', ...others] = readdirSync(folder);
    expect(file).toMatch(/^acme\.[0-9a-f-]{36}\.json$/);
    expect(others).toEqual([]);
    expect(JSON.parse(readFileSync(join(folder, file), 'utf8'))).toMatchObject({ v: 1, origin: ORIGIN, size: 2 });
    expect(lines).toEqual([]);
    await decide(1);
    await sequencer({ folder: folderForTest('audit-marks') }).run();
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ event: 'audit-mark-adopted', size: 2 }]);
    await decide(1);
    writeFileSync(join(folder, file), '{"v":1}');
    await expect(sequencer().run()).rejects.toThrow(`${file} is not a mark`);
    expect(await signed()).toMatchObject({ size: 3 });
  });

  it('takes no head whose peaks are not those of its root [guard: log-frontier-root]', async () => {
    await decide(4);
    await sequencer().run();
    await database.db
      .updateTable('audit_log')
      .set({ root: new Uint8Array(32) })
      .execute();
    await decide(1);
    await expect(sequencer().run()).rejects.toThrow(/frontier/);
  });

  it('takes a leaf as long as a leaf can be, and the outbox none that is longer', async () => {
    const leafOf = (bytes: number) => ({ org: 'acme', event: `{"n":"${'x'.repeat(bytes - 8)}"}`, evidence: null });
    await writeAudit(database.db, leafOf(65_535));
    await expect(writeAudit(database.db, leafOf(65_536))).rejects.toMatchObject({ code: '23514' });
    await sequencer().run();
    expect((await leaves()).map(({ length }) => length).slice(1)).toEqual([65_535]);
  });

  it('keeps nobody waiting behind an organisation whose log is lost', async () => {
    await decide(1);
    await decide(1, 'other');
    await sequencer().run();
    const goBack = await backUp();
    await decide(1);
    await sequencer().run();
    await goBack();
    await decide(1);
    await decide(1, 'other');
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost' });
    const sizes = await database.db.selectFrom('audit_log').select(['org', 'size']).orderBy('org').execute();
    expect(sizes).toEqual([
      { org: 'acme', size: 2 },
      { org: 'other', size: 3 },
    ]);
  });

  it('has nobody wait longer than a turn for an organisation that floods its log, and none for the next look', async () => {
    await decide(1, 'acme');
    await decide(1, 'other');
    await sequencer().run();
    await decide(17_500);
    await decide(2, 'other');
    const logs = new WatchedLogs(database.db);
    let late = false;
    // Somebody asks while the flood is written.
    logs.after = async (org) => {
      if (org !== 'acme' || late) return;
      late = true;
      await decide(3, 'other');
    };
    await sequencer({ logs }).run();
    const turns = logs.taken.map(({ org, rows }) => `${org} ${rows}`);
    const thousand = (count: number) => Array.from({ length: count }, () => 'acme 1000');
    expect(turns).toEqual(['other 2', ...thousand(8), 'other 3', ...thousand(8), ...thousand(1), 'acme 500']);
    expect(await database.db.selectFrom('audit_outbox').selectAll().execute()).toEqual([]);
  }, 60_000);
});
