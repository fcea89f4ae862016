import type { AuditCheckpoints, AuditFacts } from '@bulla/contract';
import { encodeLeaf } from '@bulla/contract';
import { mintId } from '@bulla/crypto';
import type { NoteKey } from '@bulla/crypto/log';
import { originOf, pinInOrigin, noteKeyOf } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { Partitions } from '../src/audit-log/partitions.js';
import { FirstEntries } from '../src/audit-log/begin/first-entry.js';
import { LogPens } from '../src/audit-log/log-pens.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { LogMarks } from '../src/audit-log/marks.js';
import { Retention } from '../src/audit-log/retention/retention.js';
import { AuditOutbox } from '../src/audit/outbox.js';
import { Chores, EventLog, ServiceKeys } from '../src/index.js';
import { verifiedLog } from './log-reader.js';
import { stores } from './stores.js';
import type { OpenStore, Tiny } from './tiny-vault.js';
import { openStore, startTiny } from './tiny-vault.js';

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const DAY_MS = DAY_HOURS * HOUR_MS;
/** Entries of a tile. */
const TILE = 256;

describe.each(stores)('what was kept long enough on %s', (store) => {
  let opened: OpenStore;
  let tiny: Tiny;
  let key: NoteKey;
  let lines: string[] = [];
  beforeAll(async () => {
    opened = await openStore(store);
  });
  afterAll(() => opened.drop());
  beforeEach(async () => {
    lines = [];
    tiny = await startTiny({ on: opened, limits: { auditIntervalMs: 20, choresIntervalMs: 3_600_000 } });
    await empty();
    await tiny.service.listen();
    const [record] = tiny.acme.vault.entity.keys.filter(({ pur }) => pur.includes('checkpoint'));
    if (record === undefined) throw new Error('the directory lists no key for checkpoints');
    key = await noteKeyOf(
      originOf({ urn: tiny.acme.vault.urn, number: 1, pin: pinInOrigin(tiny.acme.pin) }),
      record.jwk,
    );
  });
  afterEach(() => tiny.stop());

  /** As a new database is: to open one takes longer than most tests here. */
  const empty = async () => {
    for (const month of await months()) await sql`drop table ${sql.table(`tiny.${month}`)}`.execute(tiny.database.db);
    const { rows } = await sql<{ name: string }>`select relname as name from pg_class
      where relnamespace = 'tiny'::regnamespace and relkind in ('r', 'p') and relname not like 'kysely%'`.execute(
      tiny.database.db,
    );
    const tables = rows.map(({ name }) => sql.table(`tiny.${name}`));
    await sql`truncate ${sql.join(tables)} restart identity`.execute(tiny.database.db);
  };

  const outbox = () => tiny.service.app.get(AuditOutbox, { strict: false });

  /** The chore, as each of several processes does it; none of them has the folder of marks. */
  const prune = async (days: number | 'forever' = 365, machineMs = () => Date.now(), kept?: string) => {
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    const clock = Object.assign(Object.create(tiny.clock) as typeof tiny.clock, {
      machineMs,
      nowMs: () => Date.now(),
    });
    const logs = new LogRepository(tiny.database.db);
    const marks = new LogMarks(folderForTest('audit-marks'));
    const keys = await ServiceKeys.load(tiny.acme.vault.keyFile);
    const pens = new LogPens({ marks, keys, trustOf: async () => tiny.acme.trust });
    const firsts = new FirstEntries({ logs, marks, pens });
    if (kept !== undefined) firsts.kept = async () => kept;
    return new Retention({ database: tiny.database, days, clock, log, outbox: outbox(), logs, firsts }).run();
  };

  /** Decisions of so many days ago, in the log and signed. */
  const decide = async (count: number, daysAgo: number, org = 'acme') => {
    const at = new Date(Date.now() - daysAgo * DAY_MS);
    for (let from = 0; from < count; from += 500) {
      const rows = Array.from({ length: Math.min(500, count - from) }, (_, index) => ({
        org,
        event: encodeLeaf(
          { id: mintId('aud'), t: at.toISOString(), org },
          { v: 1, who: { type: 'service' }, act: 'prompt.list', res: 'ok', obj: { items: from + index } },
        ),
        evidence: null,
      }));
      await tiny.database.db.transaction().execute(async (trx) => {
        await outbox().write(trx, ...rows);
        await trx.updateTable('audit_outbox').set({ at }).where('org', '=', org).execute();
      });
    }
    await written();
  };

  const written = async () => {
    for (;;) {
      const { rows } = await sql<{ n: number }>`select (select count(*) from tiny.audit_outbox)
        + (select count(*) from tiny.audit_log where checkpoint_size < size) as n`.execute(tiny.database.db);
      if (rows[0]?.n === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };

  /** So many hours later, for what the log says of what goes. What it moves to may be another month. */
  const pass = async (hours: number) => {
    const { db, schema } = tiny.database;
    const rows = await db.selectFrom('audit_entry').select('at').distinct().execute();
    const moments = rows.map(({ at }) => new Date(at.getTime() - hours * HOUR_MS));
    await new Partitions(schema).require(db, moments);
    await db
      .updateTable('audit_entry')
      .set({ at: sql<Date>`at - make_interval(hours => ${hours}::int)` })
      .where('act', '=', 'log.prune')
      .execute();
  };

  /** A day later, for all that the log says of itself. */
  const aDayLater = async () => {
    await written();
    await pass(25);
  };

  const there = async (org = 'acme') => {
    const rows = await tiny.database.db
      .selectFrom('audit_entry')
      .select('idx')
      .where('org', '=', org)
      .orderBy('idx')
      .execute();
    return rows.map(({ idx }) => idx);
  };
  const said = async (org = 'acme') => {
    const rows = await tiny.database.db
      .selectFrom('audit_entry')
      .select('leaf')
      .where('org', '=', org)
      .where('act', '=', 'log.prune')
      .orderBy('idx')
      .execute();
    return rows.map(({ leaf }) => (JSON.parse(Buffer.from(leaf).toString()) as { obj: object }).obj);
  };
  const months = async () => {
    const { rows } = await sql<{ name: string }>`select relname as name from pg_inherits
      join pg_class on pg_class.oid = inhrelid where inhparent = 'tiny.audit_entry'::regclass order by 1`.execute(
      tiny.database.db,
    );
    return rows.map(({ name }) => name);
  };
  const nameOf = (daysAgo: number) =>
    `audit_entry_${new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 7).replace('-', '_')}`;

  const headOf = async () => {
    const row = await tiny.database.db
      .selectFrom('audit_log')
      .select(['size', 'root'])
      .where('org', '=', 'acme')
      .executeTakeFirstOrThrow();
    return { size: row.size, root: Uint8Array.from(row.root) };
  };
  /** A log that began so long ago, and its tree as it was then. */
  const begin = async (count: number, daysAgo: number, org = 'acme') => {
    await decide(count, daysAgo, org);
    await tiny.database.db
      .updateTable('audit_entry')
      .set({ at: new Date(Date.now() - daysAgo * DAY_MS) })
      .where('org', '=', org)
      .where('idx', '=', 0)
      .execute();
    return headOf();
  };
  const pruneWhole = async (days: number) => {
    await prune(days);
    await aDayLater();
    await prune(days);
  };
  const dropped = () => lines.filter((line) => line.includes('audit-month-dropped')).length;

  it('goes by whole months and tiles once the log has said so for a day, and the log goes on to verify [guard: prune-settled]', async () => {
    const older = await begin(2 * TILE, 800);
    await decide(TILE, 600);
    await decide(10, 3);
    const all = await there();
    const head = await headOf();
    await prune();
    await written();
    // Of the tile that the last old entry is in all entries stay: they show how old those before them were.
    const said1 = { log: 1, first: 0, last: 3 * TILE - 1, size: head.size };
    expect(await said()).toEqual([{ ...said1, root: Buffer.from(head.root).toString('base64url'), before: [] }]);
    await prune();
    expect([(await there()).slice(0, all.length), dropped()]).toEqual([all, 0]);
    await aDayLater();
    await prune();
    expect([(await there())[0], dropped()]).toEqual([3 * TILE, 2]);
    expect(await months()).not.toContain(nameOf(800));
    expect(await months()).toContain(nameOf(600));
    expect(await said()).toHaveLength(1);
    const kept = [older, head];
    const { entries, absent, checkpoint } = await verifiedLog(tiny.auditor, key, { kept, isPruned: true });
    expect([entries.length + absent, absent]).toEqual([checkpoint.size, 3 * TILE]);
    await expect(verifiedLog(tiny.auditor, key)).rejects.toMatchObject({ code: 'log_inconsistent', check: 'missing' });
    // It says of none of them that it was never there.
    const { data } = (await tiny.auditor.get('/api/v1/audit/checkpoint')).body as AuditCheckpoints;
    expect(data).toMatchObject([{ log: 1, first: 3 * TILE }]);
    const detail = `entries below ${3 * TILE} of this log were kept long enough and are gone; their hashes are there`;
    for (const path of ['entries/7', `entries/${3 * TILE - 1}`, 'bundles/2'])
      expect(await tiny.auditor.get(`/api/v1/audit/${path}`)).toMatchObject({ status: 404, body: { detail } });
    expect(await tiny.auditor.get(`/api/v1/audit/entries/${3 * TILE}`)).toMatchObject({ status: 200 });
    const missing = (await tiny.auditor.get('/api/v1/audit/entries/999999')).body as { detail?: string };
    expect(missing.detail).not.toBe(detail);
  });

  it('goes further each month, and nothing is done twice [guard: prune-keeps]', async () => {
    await begin(TILE, 1_300);
    await decide(TILE + 40, 930);
    await decide(TILE, 450);
    await pruneWhole(800);
    expect([(await there())[0], dropped(), (await said()).length]).toEqual([2 * TILE, 2, 1]);
    for (let again = 0; again < 3; again++) await pruneWhole(800);
    expect([(await there())[0], dropped(), (await said()).length]).toEqual([2 * TILE, 2, 1]);
    await decide(1, 0);
    const before = await there();
    await pruneWhole(365);
    expect((await there())[0]).toBe(3 * TILE);
    expect(await said()).toMatchObject([
      { first: 0, last: 2 * TILE - 1 },
      { first: 2 * TILE, last: 3 * TILE - 1 },
    ]);
    // Without a hole, and a statement more.
    expect(await there()).toEqual([...before.filter((idx) => idx >= 3 * TILE), 2 * TILE + before.length]);
    expect((await verifiedLog(tiny.auditor, key, { isPruned: true })).absent).toBe(3 * TILE);
  });

  it('stays for a log that has said nothing, whatever others have said', async () => {
    await begin(5 * TILE, 800);
    await begin(5 * TILE, 800, 'other');
    const chores = tiny.service.app.get(Chores, { strict: false });
    // It would be signed again at once, and say so as well.
    await chores.stop();
    await tiny.database.db.updateTable('audit_log').set({ checkpoint_size: 3 }).where('org', '=', 'other').execute();
    await prune();
    const waiting = await tiny.database.db.selectFrom('audit_outbox').select('org').execute();
    expect(waiting).toEqual([{ org: 'acme' }]);
    chores.start();
    for (let tries = 0; (await said()).length === 0 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await pass(25);
    await prune();
    expect((await there('other'))[0]).toBe(0);
  });

  it('stays where no checkpoint stands for it [guard: prune-signed]', async () => {
    await begin(5 * TILE, 800);
    // Nothing of it is signed again while nothing comes to it.
    await tiny.service.app.get(Chores, { strict: false }).stop();
    await tiny.database.db
      .updateTable('audit_log')
      .set({ checkpoint_size: TILE + 9 })
      .where('org', '=', 'acme')
      .execute();
    await prune();
    const { rows } = await sql<{
      leaf: string;
    }>`select convert_from(leaf, 'UTF8') as leaf from tiny.audit_outbox`.execute(tiny.database.db);
    expect(rows.map(({ leaf }) => (JSON.parse(leaf) as { obj: object }).obj)).toMatchObject([
      { first: 0, last: TILE - 1 },
    ]);
  });

  it('is never said to go by a clock that is wrong, nor where all is kept for ever [guard: retention-drifted]', async () => {
    await begin(2 * TILE, 800);
    await prune(365, () => Date.now() + 3_600_000);
    await prune('forever');
    await written();
    expect(await said()).toEqual([]);
    await prune(1_000);
    await written();
    expect(await said()).toEqual([]);
    await prune();
    await written();
    expect(await said()).toHaveLength(1);
  });

  const firstSaying = (before: AuditFacts<'log.begin'>['before']) =>
    encodeLeaf(
      { id: mintId('aud'), t: '2024-01-01T00:00:00.000Z', org: 'acme' },
      { v: 1, who: { type: 'service' }, act: 'log.begin', res: 'ok', obj: { log: 2, before } },
    );

  it('says of a log what its first entry said of those before it, which goes', async () => {
    const before = [{ log: 1, note: null }];
    await begin(TILE, 800);
    await decide(TILE, 600);
    // What lies beside the first mark tells it, also when the entry is gone.
    await prune(365, undefined, firstSaying(before));
    await written();
    expect(await said()).toMatchObject([{ before }]);
  });

  it('says nothing that SQL put into the place of its first entry, and goes no further [guard: prune-first-entry]', async () => {
    await begin(TILE, 800);
    await decide(TILE, 600);
    await tiny.database.db
      .updateTable('audit_entry')
      .set({ leaf: Buffer.from(firstSaying([{ log: 1, note: null }])) })
      .where('org', '=', 'acme')
      .where('idx', '=', 0)
      .execute();
    await prune();
    await written();
    expect(await said()).toEqual([]);
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['audit-first-entry-changed']);
  });

  it('stays where SQL alone says that it is old, and where it is not what was signed [guard: prune-young] [guard: prune-signed-leaves]', async () => {
    const moved = new Date(Date.now() - 800 * DAY_MS);
    const text = (daysAgo: number) =>
      encodeLeaf(
        { id: mintId('aud'), t: new Date(Date.now() - daysAgo * DAY_MS).toISOString(), org: 'acme' },
        { v: 1, who: { type: 'service' }, act: 'prompt.list', res: 'ok', obj: { items: 1 } },
      );
    await begin(2 * TILE, 100);
    await new Partitions(tiny.database.schema).require(tiny.database.db, [moved]);
    await decide(TILE, 0);
    const entries = () => tiny.database.db.updateTable('audit_entry').where('org', '=', 'acme');
    await entries()
      .set({ at: moved })
      .where('idx', '<', 2 * TILE)
      .execute();
    await prune();
    await entries()
      .set({ leaf: Buffer.from(text(800)) })
      .where('idx', '>', 0)
      .where('idx', '<', 2 * TILE)
      .execute();
    await prune();
    await written();
    expect(await said()).toEqual([]);
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      'audit-entries-not-aged',
      'audit-entries-not-aged',
    ]);
  });

  it('stays where what was before it is gone, and no log had said so [guard: prune-whole]', async () => {
    await begin(TILE, 0);
    await decide(2 * TILE + 40, 800);
    await tiny.database.db.deleteFrom('audit_entry').where('org', '=', 'acme').where('idx', '<=', TILE).execute();
    await prune();
    // What somebody writes there has to have been signed.
    const obj = { log: 1, first: 0, last: TILE, size: 3 * TILE, root: 'A'.repeat(43) };
    const leaf = encodeLeaf(
      { id: mintId('aud'), t: new Date().toISOString(), org: 'acme' },
      { v: 1, who: { type: 'service' }, act: 'log.prune', res: 'ok', obj },
    );
    await tiny.database.db
      .updateTable('audit_entry')
      .set({ leaf: Buffer.from(leaf), act: 'log.prune' })
      .where('org', '=', 'acme')
      .where('idx', '=', 3 * TILE)
      .execute();
    await prune();
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      'audit-entries-not-aged',
      'audit-entries-not-aged',
    ]);
    const waiting = await tiny.database.db.selectFrom('audit_outbox').select('leaf').execute();
    expect(waiting).toEqual([]);
  });

  it('stays in a log that SQL made up, and nothing is said of that [guard: prune-aged]', async () => {
    await begin(TILE + 40, 800);
    const { db } = tiny.database;
    // What is no entry keeps no other waiting.
    await sql`insert into tiny.audit_outbox (org, leaf) values ('acme', convert_to('"act":"log.prune"', 'UTF8'))`.execute(
      db,
    );
    await sql`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint, checkpoint_size)
      select org, 99, origin, size, root, frontier, checkpoint, checkpoint_size from tiny.audit_log where org = 'acme'`.execute(
      db,
    );
    await sql`update tiny.audit_entry set log = 99 where org = 'acme'`.execute(db);
    await sql`update tiny.audit_tile set log = 99 where org = 'acme'`.execute(db);
    await sql`delete from tiny.audit_entry where org = 'acme' and idx = 0`.execute(db);
    await prune();
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ event: 'audit-entries-not-aged', log: 99 }),
    ]);
    const waiting = await db.selectFrom('audit_outbox').select('leaf').execute();
    expect(waiting.filter(({ leaf }) => Buffer.from(leaf).includes('"log":99'))).toEqual([]);
  });

  it('goes once where two processes are at it, while others decide and read', async () => {
    await begin(3 * TILE, 800);
    await prune();
    await aDayLater();
    const deciding = decide(300, 0);
    await Promise.all([prune().catch(() => {}), prune().catch(() => {}), tiny.auditor.get('/api/v1/audit/entries')]);
    await deciding;
    await prune();
    expect(dropped()).toBe(1);
    const { entries, absent, checkpoint } = await verifiedLog(tiny.auditor, key, { isPruned: true });
    expect([entries.length + absent, absent]).toEqual([checkpoint.size, 3 * TILE]);
  });

  // The embedded database has one connection.
  if (store === 'PostgreSQL') {
    it('waits for nobody who reads for long, and has nobody wait for it', async () => {
      await begin(3 * TILE, 800);
      await prune();
      await aDayLater();
      await tiny.database.db.transaction().execute(async (reader) => {
        await reader.selectFrom('audit_entry').select('idx').limit(1).execute();
        const startedMs = performance.now();
        await prune();
        expect(performance.now() - startedMs).toBeLessThan(2_000);
        expect(dropped()).toBe(0);
        expect((await tiny.auditor.get('/api/v1/audit/entries/3')).status).toBe(200);
      });
      await prune();
      expect(dropped()).toBe(1);
    });
  }
});
