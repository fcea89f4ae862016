import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintId, utf8 } from '@bulla/crypto';
import type { TreeHead } from '@bulla/crypto/log';
import {
  EMPTY_FRONTIER,
  encodeFrontier,
  leafHash,
  makeConsistencyProof,
  noteKeyOf,
  signCheckpoint,
  verifyCheckpoint,
  verifyConsistency,
} from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { growTree } from '../src/audit-log/growth.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { Partitions } from '../src/audit-log/partitions.js';
import { treeHashes } from '../src/audit-log/tree-hashes.js';
import type { LedgerTables } from '../src/audit/ledger-tables.js';
import type { Database } from '../src/index.js';
import { EventLog } from '../src/index.js';
import type { RowMac } from '../src/audit/row-secrets.js';
import { outboxForTest, TestClock } from '../src/testing.js';
import type { LogKeyForTest, WriterOptions } from './log-writer.js';
import { folderFor, logKeyForTest, originOfLog, writerForTest } from './log-writer.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const ORIGIN = originOfLog(1);
const TABLES = [
  'audit_outbox',
  'audit_unsigned',
  'audit_set_aside',
  'audit_entry',
  'audit_tile',
  'audit_cosignature',
  'audit_log',
] as const;

/** Of a process that hangs once it has read the head of a log, before it writes to it. */
class HungLogs extends LogRepository {
  readonly #meanwhile: () => Promise<void>;

  constructor(db: Database<LedgerTables>['db'], meanwhile: () => Promise<void>) {
    super(db);
    this.#meanwhile = meanwhile;
  }

  override async transaction<Result>(work: Parameters<typeof LogRepository.prototype.transaction<Result>>[0]) {
    await this.#meanwhile();
    return super.transaction(work);
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
  let key: LogKeyForTest;
  let lines: string[] = [];
  let folder = '';
  let decided = 0;
  const { outbox, rows: secrets } = outboxForTest();
  beforeAll(async () => {
    // The service itself leaves the log alone, and all that waits in it.
    tiny = await startTiny({ on: store, limits: { auditIntervalMs: 3_600_000 } });
    database = tiny.database;
    key = await logKeyForTest(1);
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    lines = [];
    folder = folderFor(folderForTest('audit-marks'), key);
  });

  /** One process that writes the log. */
  const writer = ({ listed = [key], ...options }: Partial<WriterOptions> = {}) => {
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    return writerForTest({ database, folder, listed, rows: secrets, log, ...options });
  };
  const sequencer = (options: Partial<WriterOptions> = {}) => writer(options).sequencer;

  const decide = async (count: number, org = 'acme') => {
    const rows = Array.from({ length: count }, () => ({
      org,
      event: JSON.stringify({ act: 'thing.do', n: ++decided }),
      evidence: null,
    }));
    for (let from = 0; from < count; from += 500) await outbox.write(database.db, ...rows.slice(from, from + 500));
    return rows.map(({ event }) => event);
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
  const signed = async (by = key, origin = ORIGIN) => {
    const row = await database.db
      .selectFrom('audit_log')
      .select('checkpoint')
      .where('origin', '=', origin)
      .orderBy('log')
      .executeTakeFirstOrThrow();
    const keys = [await noteKeyOf(origin, by.pair.publicJwk)];
    return (await verifyCheckpoint(utf8(row.checkpoint ?? ''), { origin, keys })).checkpoint;
  };

  const expectContinued = async (older: TreeHead) => {
    const newer = await signed();
    const hashes = treeHashes(new LogRepository(database.db), { org: 'acme', log: 1, size: newer.size });
    await verifyConsistency({ older, newer, proof: await makeConsistencyProof(older.size, newer.size, hashes) });
  };

  it('writes decisions once, in their order, behind an entry that begins the log, and signs what it wrote', async () => {
    const one = sequencer();
    const first = await decide(3);
    await one.run();
    const [begin, ...others] = await leaves();
    expect(JSON.parse(begin ?? '')).toMatchObject({ act: 'log.begin', who: { type: 'service' }, obj: { log: 1 } });
    expect(others).toEqual(first);
    const older = await signed();
    expect(older).toMatchObject({ size: 4 });
    const more = await decide(2_500);
    await one.run();
    expect((await leaves()).slice(4)).toEqual(more);
    expect(await signed()).toMatchObject({ size: 2_504 });
    await expectContinued(older);
    expect(await database.db.selectFrom('audit_outbox').selectAll().execute()).toEqual([]);
    await one.run();
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
    // A process without the folder of marks does not see it, and signs nothing.
    await decide(9);
    await sequencer({ folder: folderForTest('audit-marks') }).run();
    expect(await leaves()).toHaveLength(13);
    expect(await signed()).toMatchObject({ size: 4 });
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    expect(await signed()).toMatchObject({ size: 4 });
  });

  /** A process that writes the log, and does not come to sign it. */
  const grow = () =>
    sequencer({
      signs: (signer) => ({ requireContinued: (...call) => signer.requireContinued(...call), sign: async () => {} }),
    }).run();
  const run = (statement: string) => sql.raw(statement.replaceAll('tiny.', `${database.schema}.`)).execute(database.db);

  it('signs no tree that was changed while nobody looked [guard: log-signed-continued]', async () => {
    await decide(300);
    await sequencer().run();
    await decide(3);
    await grow();
    await run(`update tiny.audit_tile set hashes = overlay(hashes placing '\\x00'::bytea from 3)
      where level = 0 and idx = 1`);
    const { signer, pens } = writer();
    const pen = await pens.of('acme');
    await expect(signer.sign(pen as never)).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
  });

  it('signs no log that SQL rewrote from its start [guard: log-origin]', async () => {
    await decide(3);
    await sequencer().run();
    await run(`update tiny.audit_log set origin = 'urn:bulla:acme:svc:other/audit/1'`);
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { event: 'audit-log-lost', why: 'changed' },
    ]);
    expect((await writer().marks.read('acme')).map(({ size }) => size)).toEqual([1, 4]);
  });

  /** Puts leaves to the end of the log as its service does, but for what authenticates them. */
  const forge = async (
    texts: readonly string[],
    withMac: (index: number) => RowMac | undefined = () => undefined,
    objects: readonly string[] = [],
  ) => {
    const logs = new LogRepository(database.db);
    const head = await logs.find('acme', 1);
    if (head === undefined) throw new Error('there is no log');
    const growth = await growTree(head.frontier, await Promise.all(texts.map((text) => leafHash(utf8(text)))));
    await logs.transaction(async (trx) => {
      await logs.advance(trx, head, growth);
      await logs.addTiles(trx, head, growth);
    });
    for (const [index, text] of texts.entries()) {
      const at = { org: 'acme', log: 1, idx: head.size + index };
      const entry = { ...at, at: new Date(), leaf: utf8(text), evidence: null, act: 'x', res: 'ok', kid: null };
      await database.db
        .insertInto('audit_entry')
        .values({ ...entry, objects: [...objects] })
        .execute();
      const mac = withMac(index);
      if (mac !== undefined)
        await database.db
          .insertInto('audit_unsigned')
          .values({ ...at, secret_id: mac.id, mac: mac.mac })
          .execute();
    }
  };

  it.each([
    ['no MAC', () => undefined],
    ['the MAC of another leaf', () => secrets.seal('acme', 'another')],
    ['the MAC of another organisation', (text: string) => secrets.seal('other', text)],
  ])('signs no entry that SQL wrote, with %s beside it [guard: sign-row-mac]', async (_, mac) => {
    await decide(3);
    await sequencer().run();
    const text = '{"act":"thing.never"}';
    await forge([text], () => mac(text));
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'unauthenticated' });
    expect(await signed()).toMatchObject({ size: 4 });
    expect((await writer().marks.read('acme')).at(-1)).toMatchObject({ size: 4 });
  });

  it('signs no tree that another leaf made than the one that is there [guard: sign-row-tree]', async () => {
    await decide(3);
    await sequencer().run();
    const [shown, hidden] = ['{"n":"shown"}', '{"n":"hidden"}'];
    await forge([hidden], () => secrets.seal('acme', shown));
    await database.db
      .updateTable('audit_entry')
      .set({ leaf: utf8(shown) })
      .where('idx', '=', 4)
      .execute();
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'unauthenticated' });
    expect(await signed()).toMatchObject({ size: 4 });
  });

  it('signs no tree with a decision that SQL put there twice [guard: sign-row-once]', async () => {
    const [event = ''] = await decide(1);
    await sequencer().run();
    const twice = `${event} `;
    await forge([twice, twice], () => secrets.seal('acme', twice));
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'unauthenticated' });
    expect(await signed()).toMatchObject({ size: 2 });
  });

  it('signs no tree with a decision that was signed before [guard: sign-row-new]', async () => {
    const id = mintId('aud');
    const event = JSON.stringify({ id, act: 'thing.do' });
    await outbox.write(database.db, { org: 'acme', event, evidence: null });
    await sequencer().run();
    await forge([event], () => secrets.seal('acme', event), [id]);
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'unauthenticated' });
    expect(await signed()).toMatchObject({ size: 2 });
  });

  it('signs what it wrote itself, and not what SQL made of that meanwhile [guard: sign-grown]', async () => {
    await decide(3);
    await sequencer().run();
    await decide(1);
    const changing: WriterOptions['signs'] = (signer) => ({
      requireContinued: (pen, head) => signer.requireContinued(pen, head),
      sign: async (pen, grown) => {
        await forge(['{"act":"thing.never"}']);
        await signer.sign(pen, grown);
      },
    });
    await expect(sequencer({ signs: changing }).run()).rejects.toMatchObject({ why: 'unauthenticated' });
    expect(await signed()).toMatchObject({ size: 4 });
  });

  it('signs no tree of which an entry is not there', async () => {
    await decide(3);
    await sequencer().run();
    await decide(2);
    await grow();
    await database.db.deleteFrom('audit_unsigned').where('idx', '=', 5).execute();
    await database.db.deleteFrom('audit_entry').where('idx', '=', 5).execute();
    const { signer, pens } = writer();
    await expect(signer.sign((await pens.of('acme')) as never)).rejects.toMatchObject({ why: 'unauthenticated' });
  });

  it('signs entries that an earlier process wrote, and forgets then what stood beside them', async () => {
    await decide(3);
    await sequencer().run();
    await decide(2);
    await grow();
    const beside = () => database.db.selectFrom('audit_unsigned').select('idx').execute();
    expect(await beside()).toHaveLength(2);
    await sequencer().run();
    expect(await signed()).toMatchObject({ size: 6 });
    expect(await beside()).toEqual([]);
  });

  it.each([
    ['a higher number', 7, ORIGIN],
    ['a higher number and an origin of choice', 900, 'bulla/0000000000000000/acme/vault/audit/900'],
    ['the old form', 2, 'urn:bulla:acme:svc:vault/audit/2'],
  ])('signs no planted log with %s, and goes on with its own', async (_, log, origin) => {
    await decide(3);
    await sequencer().run();
    const root = `decode(repeat('00', 32), 'hex')`;
    await run(`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint, checkpoint_size)
      values ('acme', ${log}, '${origin}', 1, ${root}, ${root}, null, 0)`);
    await decide(2);
    await sequencer().run();
    expect(await leaves()).toHaveLength(6);
    expect(await signed()).toMatchObject({ size: 6 });
    const planted = await database.db.selectFrom('audit_log').selectAll().where('log', '=', log).execute();
    expect(planted).toMatchObject([{ origin, size: 1, checkpoint: null }]);
    expect((await writer().marks.read('acme')).map((mark) => mark.origin)).toEqual([ORIGIN, ORIGIN]);
  });

  it('is not behind because of a planted log that nobody signs [guard: waiting-written]', async () => {
    await decide(3);
    await sequencer().run();
    const root = `decode(repeat('00', 32), 'hex')`;
    await run(`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint, checkpoint_size)
      values ('acme', 2, 'planted', 1, ${root}, ${root}, null, 0)`);
    let waiting: readonly unknown[] = ['nothing was noted'];
    const lag = {
      note: (found: readonly unknown[]) => void (waiting = found),
      noteBlind: () => {},
      noteLost: () => {},
    };
    await sequencer({ parts: { lag } }).run();
    expect(waiting).toEqual([]);
  });

  it('is written for everybody, where SQL put two entries at one place of a log [guard: waiting-one]', async () => {
    await decide(3);
    await sequencer().run();
    await run(`insert into tiny.audit_log (org, log, origin, size, frontier, root, checkpoint_size)
      values ('zzz', 1, 'x', 1, '\\x', decode(repeat('00', 32), 'hex'), 0)`);
    for (let time = 0; time < 2; time++)
      await run(`insert into tiny.audit_entry (org, log, idx, at, leaf, act, res, objects)
        values ('zzz', 1, 0, to_timestamp(extract(epoch from now()) + ${time}), 'x', 'x', 'x', '{}')`);
    const kept = await decide(1);
    await sequencer()
      .run()
      .catch(() => undefined);
    expect((await leaves()).slice(4)).toEqual(kept);
  });

  it('is written for an organisation that is named as the file of the folder [guard: mark-folder-file]', async () => {
    await decide(2, 'log');
    await sequencer()
      .run()
      .catch(() => undefined);
    const rows = await database.db.selectFrom('audit_log').select(['org', 'checkpoint_size']).execute();
    expect(rows).toEqual([{ org: 'log', checkpoint_size: 3 }]);
  });

  it('begins a log with what it makes itself, where SQL wrote one under its number [guard: begin-rows-back]', async () => {
    await decide(3);
    await sequencer({ folder: folderForTest('audit-marks') }).run();
    expect(await leaves()).toEqual([]);
    await new Partitions(database.schema).require(database.db, [new Date()]);
    const planted = '{"act":"log.begin","obj":{"log":1}}';
    const { frontier, head } = await growTree(EMPTY_FRONTIER, [await leafHash(utf8(planted))]);
    await database.db
      .insertInto('audit_log')
      .values({
        org: 'acme',
        log: 1,
        origin: ORIGIN,
        size: 1,
        root: head.root,
        frontier: encodeFrontier(frontier),
        checkpoint: null,
        checkpoint_size: 0,
      })
      .execute();
    const taken = await database.db
      .selectFrom('audit_outbox')
      .selectAll()
      .orderBy('id')
      .limit(1)
      .executeTakeFirstOrThrow();
    await database.db.deleteFrom('audit_outbox').where('id', '=', taken.id).execute();
    await forge([Buffer.from(taken.leaf).toString()], () => ({
      id: taken.secret_id ?? '',
      mac: Uint8Array.from(taken.mac ?? []),
    }));
    await sequencer().run();
    const [begin, ...others] = await leaves();
    expect(JSON.parse(begin ?? '')).toMatchObject({ act: 'log.begin', obj: { log: 1, before: [] } });
    expect(others).toHaveLength(3);
    expect(await signed()).toMatchObject({ size: 4 });
  });

  it('writes the first entry anew from its bytes, where the database lacks it', async () => {
    await sequencer({ parts: { organisations: () => ['acme'] } }).run();
    const [first] = await leaves();
    expect(await signed()).toMatchObject({ size: 1 });
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    await decide(1);
    await sequencer().run();
    expect((await leaves())[0]).toBe(first);
    expect(await signed()).toMatchObject({ size: 2 });
  });

  it('clears nothing away that another process has begun meanwhile', async () => {
    const [one, other] = [writer(), writer()];
    const events = await decide(3);
    let others: Promise<unknown> = Promise.resolve();
    const { unsigned } = one;
    const handBack = unsigned.handBack.bind(unsigned);
    unsigned.handBack = async (...args) => {
      const handed = await handBack(...args);
      others = other.sequencer.run().catch(() => undefined);
      // Time enough to begin the log, unless that waits for this transaction.
      await Promise.race([others, new Promise((resolve) => setTimeout(resolve, 500))]);
      return handed;
    };
    await one.sequencer.run().catch(() => undefined);
    await others;
    await sequencer().run();
    expect((await leaves()).slice(1)).toEqual(events);
    expect(await signed()).toMatchObject({ size: 4 });
  });

  it('begins no log that a folder of before has signed [guard: begin-signed-before]', async () => {
    await decide(3);
    await sequencer().run();
    await decide(1);
    const fresh = folderFor(folderForTest('audit-marks'), key);
    await expect(sequencer({ folder: fresh }).run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    expect(await leaves()).toHaveLength(4);
  });

  it('signs nothing where a note is newer than the folder, and the tree does not continue it [guard: sign-note-newer]', async () => {
    await decide(3);
    await sequencer().run();
    const old = folderForTest('audit-marks');
    cpSync(folder, old, { recursive: true });
    const goBack = await backUp();
    await decide(4);
    await sequencer().run();
    const { checkpoint } = await database.db.selectFrom('audit_log').select('checkpoint').executeTakeFirstOrThrow();
    await goBack();
    const cosigned = { org: 'acme', log: 1, witness: 'w', key: 'k', size: 8, at: 1, line: 'l' };
    await database.db
      .insertInto('audit_cosignature')
      .values({ ...cosigned, checkpoint: checkpoint ?? '' })
      .execute();
    await decide(9);
    await expect(sequencer({ folder: old }).run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    expect(await signed()).toMatchObject({ size: 4 });
    // What no key of the log signed is anybody's.
    await database.db
      .updateTable('audit_cosignature')
      .set({ checkpoint: (checkpoint ?? '').replace('\n8\n', '\n900\n') })
      .execute();
    await sequencer({ folder: old }).run();
    expect(await signed()).toMatchObject({ size: 13 });
  });

  it('signs nothing with a key that the directory does not list for the number [guard: pen-key]', async () => {
    await decide(3);
    const other = await logKeyForTest(1);
    await expect(sequencer({ held: [other] }).run()).rejects.toMatchObject({ name: 'LogLost', why: 'key' });
    await expect(sequencer({ revoked: [key] }).run()).rejects.toMatchObject({ name: 'LogLost', why: 'key' });
    expect(lines.map((line) => JSON.parse(line) as object)[0]).toMatchObject({
      event: 'audit-key-missing',
      org: 'acme',
    });
    expect(await leaves()).toEqual([]);
  });

  it('writes nothing of a number below a mark [guard: pen-number-mark]', async () => {
    const next = await logKeyForTest(2);
    await decide(3);
    await sequencer({ listed: [key, next] }).run();
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'number' });
    expect(await leaves()).toEqual([]);
  });

  it('writes nothing of a number below that of its folder, and says so where no key of that is listed soon [guard: pen-number-folder] [guard: lost-number-new]', async () => {
    const next = await logKeyForTest(2);
    const later = folderFor(folderForTest('audit-marks'), next);
    const clock = new TestClock();
    await decide(3);
    const waits = sequencer({ folder: later, parts: { clock } });
    for (const [seconds, told] of [
      [0, []],
      [29, []],
      [2, [expect.objectContaining({ event: 'audit-log-lost', why: 'number' })]],
    ] as const) {
      clock.advance(seconds);
      await expect(waits.run()).rejects.toMatchObject({ name: 'LogLost', why: 'number' });
      expect(lines.map((line) => JSON.parse(line) as object)).toEqual(told);
    }
    await sequencer({ folder: later, listed: [key, next] }).run();
    expect(await leaves(2)).toHaveLength(4);
  });

  it('signs the log before to its end, and says of it what it signed last', async () => {
    await decide(3);
    await sequencer().run();
    await decide(2);
    await grow();
    const kept = await decide(2);
    const next = await logKeyForTest(2);
    await sequencer({ listed: [key, next] }).run();
    const last = await signed();
    expect(last).toMatchObject({ size: 6 });
    const [begin, ...entries] = await leaves(2);
    expect(entries).toEqual(kept);
    const { obj } = JSON.parse(begin ?? '') as { obj: { before: { log: number; note: { line: string } }[] } };
    const root = Buffer.from(last.root).toString('base64url');
    expect(obj).toMatchObject({ log: 2, before: [{ log: 1, note: { origin: ORIGIN, size: 6, root } }] });
    const { checkpoint } = await database.db
      .selectFrom('audit_log')
      .select('checkpoint')
      .where('log', '=', 1)
      .executeTakeFirstOrThrow();
    expect(checkpoint?.endsWith(`\n\n${obj.before[0]?.note.line}\n`)).toBe(true);
  });

  it.each([
    ['its key is gone', true],
    ['it is lost', false],
  ])('takes rows back that nobody signs any more, where %s', async (_, isKeyGone) => {
    await decide(3);
    await sequencer().run();
    const kept = await decide(2);
    await grow();
    if (!isKeyGone) await run(`update tiny.audit_log set origin = 'changed'`);
    const next = await logKeyForTest(2);
    const parts = { organisations: () => ['acme'] };
    await sequencer({ listed: [key, next], held: isKeyGone ? [next] : [key, next], parts }).run();
    const [begin, ...entries] = await leaves(2);
    expect(JSON.parse(begin ?? '')).toMatchObject({ obj: { before: [{ log: 1, note: { size: 4 } }] } });
    expect(entries).toEqual(kept);
  });

  it('says nothing of a log that a larger mark of before speaks of than any note [guard: before-smaller-note]', async () => {
    const old = await logKeyForTest();
    const origin = 'urn:bulla:acme:svc:vault/audit/1';
    const { frontier, head } = await growTree(EMPTY_FRONTIER, [await leafHash(utf8('{"n":1}'))]);
    const note = await signCheckpoint(origin, head, [
      { key: await noteKeyOf(origin, old.pair.publicJwk), signer: old.signer },
    ]);
    await database.db
      .insertInto('audit_log')
      .values({
        org: 'acme',
        log: 1,
        origin,
        size: 1,
        root: head.root,
        frontier: encodeFrontier(frontier),
        checkpoint: note,
        checkpoint_size: 1,
      })
      .execute();
    const next = await logKeyForTest(2);
    const begun = async (size: number, held = [old, next]) => {
      const marks = folderFor(folderForTest('audit-marks'), next);
      const mark = { v: 1, origin, kid: old.pair.kid, size, root: Buffer.from(head.root).toString('base64url') };
      writeFileSync(join(marks, 'acme.old.json'), JSON.stringify(mark));
      await decide(1);
      await sequencer({ folder: marks, listed: held, held }).run();
      const [begin = ''] = await leaves(2);
      await database.db.deleteFrom('audit_tile').where('log', '=', 2).execute();
      await database.db.deleteFrom('audit_entry').where('log', '=', 2).execute();
      await database.db.deleteFrom('audit_log').where('log', '=', 2).execute();
      return (JSON.parse(begin) as { obj: { before: unknown } }).obj.before;
    };
    expect(await begun(1)).toMatchObject([{ log: 1, note: { origin, size: 1 } }]);
    expect(await begun(2)).toEqual([{ log: 1, note: null }]);
    // Nor by a key of another kind of log.
    expect(await begun(1, [next])).toEqual([{ log: 1, note: null }]);
  });

  it('begins none anew in another database under the key that signed before [guard: log-other-database]', async () => {
    await decide(3);
    await sequencer().run();
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    await decide(2);
    const one = sequencer();
    await expect(one.run()).rejects.toMatchObject({ name: 'LogLost' });
    await expect(one.run()).rejects.toMatchObject({ name: 'LogLost' });
    expect(await database.db.selectFrom('audit_log').selectAll().execute()).toEqual([]);
    // Said once, for all the times at which it is tried again.
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { event: 'audit-log-lost', org: 'acme', origin: ORIGIN, signedSize: 4 },
    ]);
    const next = await logKeyForTest(2);
    await sequencer({ listed: [key, next] }).run();
    expect(await leaves(2)).toHaveLength(3);
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

  it('keeps signed notes in files, and signs nothing by one that it cannot read', async () => {
    await decide(1);
    await sequencer().run();
    // Names of marks are random: the longest is the newest mark.
    const files = readdirSync(folder).toSorted((one, other) => one.length - other.length);
    expect(files).toEqual(['log.json', 'acme.1-begin.json', expect.stringMatching(/^acme\.[0-9a-f-]{36}\.json$/)]);
    const [, begin = '', newest = ''] = files;
    const { checkpoint } = await database.db.selectFrom('audit_log').select('checkpoint').executeTakeFirstOrThrow();
    expect(JSON.parse(readFileSync(join(folder, newest), 'utf8'))).toEqual({ v: 2, note: checkpoint });
    const [first] = await leaves();
    expect(JSON.parse(readFileSync(join(folder, begin), 'utf8'))).toMatchObject({ v: 2, first });
    await decide(1);
    writeFileSync(join(folder, newest), '{"v":1}');
    await expect(sequencer().run()).rejects.toThrow(`${newest} is not a mark`);
    expect(await signed()).toMatchObject({ size: 2 });
  });

  const noteBy = async ({ signer }: LogKeyForTest, origin = ORIGIN) =>
    signCheckpoint(origin, { size: 9, root: new Uint8Array(32) }, [
      { key: await noteKeyOf(origin, signer.publicJwk), signer },
    ]);
  it.each([
    ['that somebody without the key signed', async () => noteBy(await logKeyForTest(1))],
    ['of another organisation', async () => noteBy(key, originOfLog(1, 'other'))],
  ])('signs nothing by a mark %s [guard: mark-signed]', async (_, note) => {
    await decide(1);
    await sequencer().run();
    writeFileSync(join(folder, 'acme.stray.json'), JSON.stringify({ v: 2, note: await note() }));
    await decide(1);
    await expect(sequencer().run()).rejects.toThrow('acme.stray.json was not signed');
    expect(await signed()).toMatchObject({ size: 2 });
    rmSync(join(folder, 'acme.stray.json'));
    await sequencer().run();
    expect(await signed()).toMatchObject({ size: 3 });
  });

  it('signs nothing by a mark of the old form, where logs of its number have keys of their own [guard: mark-old-form]', async () => {
    await decide(1);
    await sequencer().run();
    const mark = { v: 1, origin: 'urn:bulla:acme:svc:vault/audit/1', kid: key.pair.kid, size: 9, root: 'A'.repeat(43) };
    writeFileSync(join(folder, 'acme.old.json'), JSON.stringify(mark));
    await decide(1);
    await expect(sequencer().run()).rejects.toThrow('acme.old.json was not signed');
    expect(await signed()).toMatchObject({ size: 2 });
  });

  it('takes no head whose peaks are not those of its root [guard: log-frontier-root]', async () => {
    await decide(4);
    await sequencer().run();
    await run(`update tiny.audit_log set frontier = overlay(frontier placing '\\x00'::bytea from 3)`);
    await decide(1);
    await expect(sequencer().run()).rejects.toMatchObject({ name: 'LogLost', why: 'changed' });
    expect(await leaves()).toHaveLength(5);
  });

  it.each([
    ['root', { root: new Uint8Array(32) }],
    ['peaks', { frontier: new Uint8Array(5) }],
  ])('begins the next log where SQL broke the %s of one or of both', async (_, broken) => {
    await decide(2);
    await sequencer().run();
    await run(`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint_size)
      select org, 2, origin, size, root, frontier, 0 from tiny.audit_log`);
    await database.db.updateTable('audit_log').set(broken).execute();
    const kept = await decide(2);
    const next = await logKeyForTest(2);
    await sequencer({ listed: [key, next] }).run();
    const [begin, ...entries] = await leaves(2);
    expect(JSON.parse(begin ?? '')).toMatchObject({ obj: { before: [{ log: 1, note: { size: 3 } }] } });
    expect(entries).toEqual(kept);
  });

  it('signs nothing by a first entry that is not that of its tree, and tells the file [guard: mark-first]', async () => {
    await decide(1);
    await sequencer().run();
    const file = join(folder, 'acme.1-begin.json');
    const mark = JSON.parse(readFileSync(file, 'utf8')) as { first: string };
    writeFileSync(file, JSON.stringify({ ...mark, first: mark.first.replace('"log":1', '"log":9') }));
    await decide(1);
    await expect(sequencer().run()).rejects.toThrow('acme.1-begin.json is not a mark');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { event: 'audit-mark-refused', why: 'malformed', file: 'acme.1-begin.json' },
    ]);
    expect(await signed()).toMatchObject({ size: 2 });
  });

  it('takes a leaf as long as a leaf can be, and the outbox none that is longer', async () => {
    const leafOf = (bytes: number) => ({ org: 'acme', event: `{"n":"${'x'.repeat(bytes - 8)}"}`, evidence: null });
    await outbox.write(database.db, leafOf(65_535));
    await expect(outbox.write(database.db, leafOf(65_536))).rejects.toMatchObject({ code: '23514' });
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
  });
});
