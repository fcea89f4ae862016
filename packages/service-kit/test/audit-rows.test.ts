import { encodeLeaf, SET_ASIDE_MAX } from '@bulla/contract';
import { leafHash } from '@bulla/crypto/log';
import { encodeBase64url, mintId, newRowSecret, sha256, utf8 } from '@bulla/crypto';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { RowAlarms } from '../src/audit-rows/row-alarms.js';
import { setUncheckableAside } from '../src/audit-rows/set-aside.js';
import { UnsignedRows } from '../src/audit-log/unsigned-rows.js';
import { AcknowledgedLeaves } from '../src/audit/acknowledged-leaves.js';
import { AuditOutbox, insertSealed } from '../src/audit/outbox.js';
import { RowSecrets } from '../src/audit/row-secrets.js';
import type { Database, LedgerTables } from '../src/index.js';
import { EventLog } from '../src/index.js';
import { openGate, TestClock } from '../src/testing.js';
import type { LogKeyForTest } from './log-writer.js';
import { folderFor, logKeyForTest, writerForTest } from './log-writer.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// Somebody who has the database, and not the key file, writes into it by SQL.

const TABLES = ['audit_outbox', 'audit_unsigned', 'audit_set_aside', 'audit_entry', 'audit_tile', 'audit_log'] as const;
const urn = 'urn:bulla:acme:svc:vault';

describe.each(stores)('rows that wait for the log on %s', (store) => {
  let tiny: Tiny;
  let database: Database<LedgerTables>;
  let lines: string[] = [];
  let key: LogKeyForTest;
  let folder = '';
  const clock = new TestClock();
  const own = { urn, rows: [newRowSecret()] };
  const secrets = RowSecrets.of(own);
  beforeAll(async () => {
    // The service itself leaves the log alone.
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

  /** One process that writes logs and signs none. */
  const processOf = (rows = secrets, ownLeaves?: AcknowledgedLeaves) => {
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    const alarms = new RowAlarms({ metrics: { alarm: () => {} }, clock, log });
    const signs = () => ({ requireContinued: async () => {}, sign: async () => {} });
    return writerForTest({
      database,
      folder,
      listed: [key],
      rows,
      log,
      signs,
      parts: { clock, alarms, told: ownLeaves },
    }).sequencer;
  };
  const outboxOf = (rows = secrets) =>
    new AuditOutbox({ keys: { rows }, drift: { requireAgreed: () => {} }, lag: openGate });

  const leafOf = (atMs = clock.nowMs()) =>
    encodeLeaf(
      { id: mintId('aud', atMs), t: new Date(atMs).toISOString(), org: 'acme' },
      { v: 1, who: { type: 'service' }, act: 'kek.destroy', res: 'ok', obj: { kek: 7 } },
    );
  const decide = async (count = 1, { atMs, rows = secrets }: { atMs?: number; rows?: RowSecrets } = {}) => {
    const events = Array.from({ length: count }, () => leafOf(atMs));
    const outbox = outboxOf(rows);
    await outbox.write(database.db, ...events.map((event) => ({ org: 'acme', event, evidence: null })));
    return events;
  };
  const run = (statement: string) => sql.raw(statement.replaceAll('tiny.', `${database.schema}.`)).execute(database.db);
  /** Of the newest log, without its first entry. */
  const inLog = async () => {
    const rows = await database.db.selectFrom('audit_entry').select(['leaf', 'act']).orderBy('idx').execute();
    return rows.filter(({ act }) => act !== 'log.begin').map(({ leaf }) => Buffer.from(leaf).toString());
  };
  const waiting = async () =>
    (await database.db.selectFrom('audit_outbox').select('leaf').orderBy('id').execute()).map(({ leaf }) =>
      Buffer.from(leaf).toString(),
    );
  const aside = async () =>
    (await database.db.selectFrom('audit_set_aside').select(['leaf', 'why']).orderBy('id').execute()).map(
      ({ leaf, why }) => [why, Buffer.from(leaf).toString()],
    );
  const told = () =>
    lines.flatMap((line) => {
      const { event, rows } = JSON.parse(line) as { event: string; rows?: number };
      return event.startsWith('audit-row') ? [[event, rows]] : [];
    });

  it.each([
    ['an event that never was', 'convert_to(\'{"act":"thing.do"}\', \'UTF8\'), secret_id, mac'],
    ['a MAC of zeros', "leaf, secret_id, decode(repeat('00', 32), 'hex')"],
    ['no MAC', 'leaf, secret_id, null'],
    ['an event of another organisation', 'leaf, secret_id, mac', 'other'],
  ])(
    'come into no log where they have %s, and keep no other waiting [guard: row-forged]',
    async (_, columns, org = 'acme') => {
      const [good = ''] = await decide();
      await run(`insert into tiny.audit_outbox (org, leaf, secret_id, mac)
      select '${org}', ${columns} from tiny.audit_outbox, generate_series(1, 1100)`);
      const [later = ''] = await decide();
      await processOf().run();
      expect(new Set(await inLog())).toEqual(new Set([good, later]));
      expect(await waiting()).toEqual([]);
      expect((await aside()).map(([why]) => why)).toEqual(Array.from({ length: 1100 }, () => 'forged'));
      expect(told()[0]).toEqual(['audit-row-forged', expect.any(Number)]);
    },
  );

  it.each([
    ['another MAC', "mac = decode(repeat('00', 32), 'hex')"],
    ['none', 'mac = null'],
  ])('come into no log with %s, also where the process itself wrote them [guard: row-told-same]', async (_, change) => {
    const leaves = new AcknowledgedLeaves({ secondsMax: 900 });
    const [event, other] = [leafOf(), leafOf()];
    const sealed = [event, other].map((one) => outboxOf().seal({ org: 'acme', event: one, evidence: null }));
    await insertSealed(database.db, sealed);
    leaves.note(sealed);
    await run(`update tiny.audit_outbox set ${change} where id = (select max(id) from tiny.audit_outbox)`);
    await processOf(secrets, leaves).run();
    expect([await inLog(), await aside()]).toEqual([[event], [['forged', other]]]);
  });

  it('let nobody have entries pruned by SQL', async () => {
    await decide();
    const event = encodeLeaf(
      { id: mintId('aud'), t: new Date(clock.nowMs()).toISOString(), org: 'acme' },
      {
        v: 1,
        who: { type: 'service' },
        act: 'log.prune',
        res: 'ok',
        obj: { log: 1, first: 0, last: 255, size: 300, root: 'A'.repeat(43) },
      },
    );
    await sql`insert into ${sql.table(`${database.schema}.audit_outbox`)} (org, leaf) values
      ('acme', convert_to(${event}::text, 'UTF8'))`.execute(database.db);
    await sql`insert into ${sql.table(`${database.schema}.audit_outbox`)} (org, leaf, secret_id, mac)
      select 'acme', convert_to(${event}::text, 'UTF8'), secret_id, mac from ${sql.table(
        `${database.schema}.audit_outbox`,
      )} where mac is not null`.execute(database.db);
    await processOf().run();
    expect(await database.db.selectFrom('audit_entry').select('act').where('act', '=', 'log.prune').execute()).toEqual(
      [],
    );
  });

  const COPY = `insert into tiny.audit_outbox (org, leaf, evidence, secret_id, mac)
    select org, leaf, evidence, secret_id, mac from tiny.audit_outbox`;

  it('come into the log once, where they stand there twice [guard: row-again]', async () => {
    const events = await decide(3);
    await run(COPY);
    const one = processOf();
    await one.run();
    expect(await inLog()).toEqual(events);
    expect([await waiting(), await aside()]).toEqual([[], []]);
  });

  it('come into the log once, where they come again to another process [guard: row-again-later]', async () => {
    const events = await decide(2);
    await run('create table if not exists tiny.copied as table tiny.audit_outbox');
    await processOf().run();
    const again = async () => {
      await run(`insert into tiny.audit_outbox (org, leaf, secret_id, mac)
        select org, leaf, secret_id, mac from tiny.copied`);
    };
    await again();
    const other = processOf();
    await other.run();
    expect(await inLog()).toEqual(events);
    // Until the process has forgotten them.
    const more: string[] = [];
    for (let minutes = 0; minutes < 9; minutes += 3) {
      clock.advance(180);
      more.push(...(await decide()));
      await other.run();
    }
    await again();
    await other.run();
    expect([await inLog(), await waiting()]).toEqual([[...events, ...more], []]);
    await run('drop table tiny.copied');
  });

  it('come into the log although SQL put them among its entries before [guard: row-again-proven]', async () => {
    const events = await decide(2);
    await processOf().run();
    const [late = ''] = await decide(1, { atMs: clock.nowMs() - 300_000 });
    const { id } = JSON.parse(late) as { id: string };
    // Beyond the end of the log, in the place of another, and under another number.
    for (const [log, idx] of [
      [1, 9],
      [1, 2],
      [7, 0],
    ] as const)
      await sql`insert into ${sql.table(`${database.schema}.audit_entry`)}
        (org, log, idx, at, leaf, act, res, objects)
        values ('acme', ${log}, ${idx}, now(), convert_to(${late}::text, 'UTF8'), 'kek.destroy', 'ok', array[${id}])
        on conflict (org, log, idx, at) do nothing`.execute(database.db);
    await processOf().run();
    expect(await waiting()).toEqual([]);
    const head = await database.db.selectFrom('audit_log').select('size').executeTakeFirstOrThrow();
    expect(head.size).toBe(1 + events.length + 1);
  });

  it('come into the log although SQL put them among the hashes of another process [guard: row-read-proven]', async () => {
    const events = await decide(1);
    const one = processOf();
    await one.run();
    events.push(...(await decide(1)));
    await processOf().run();
    const [late = ''] = await decide(1);
    const hash = Buffer.from(await leafHash(utf8(late))).toString('hex');
    await run(`update tiny.audit_tile set hashes = overlay(hashes placing decode('${hash}', 'hex') from 65)`);
    await one.run();
    expect([await inLog(), await waiting()]).toEqual([[...events, late], []]);
  });

  it('come into the log once, where they come again after another process wrote them', async () => {
    const events = await decide(1);
    const one = processOf();
    await one.run();
    events.push(...(await decide(1)));
    await run('create table tiny.copied as table tiny.audit_outbox');
    await processOf().run();
    await run(`insert into tiny.audit_outbox (org, leaf, secret_id, mac)
      select org, leaf, secret_id, mac from tiny.copied`);
    // What they are found by is gone: another process remembers the tree.
    await run(`update tiny.audit_entry set objects = '{}'`);
    await one.run();
    expect([await inLog(), await waiting()]).toEqual([events, []]);
    await run('drop table tiny.copied');
  });

  it('come into no log with a number that no row comes to, and keep nobody waiting [guard: row-number]', async () => {
    const [odd = ''] = await decide();
    await run(`insert into tiny.audit_outbox (id, org, at, leaf, secret_id, mac) overriding system value
      select 9007199254740993, org, at, leaf, secret_id, mac from tiny.audit_outbox`);
    await run('delete from tiny.audit_outbox where id < 9007199254740993');
    const events = await decide();
    const one = processOf();
    for (let time = 0; time < 2; time++) await one.run().catch(() => undefined);
    expect([await inLog(), await aside()]).toEqual([events, [['forged', odd]]]);
  });

  it.each(['infinity', '-infinity', '12000-01-01', '0044-03-15 BC'])(
    'come into no log at %s, and keep nobody waiting [guard: row-moment]',
    async (at) => {
      const [odd = ''] = await decide();
      await run(`update tiny.audit_outbox set at = '${at}'`);
      await run(`insert into tiny.audit_outbox (org, leaf, at) values ('other', 'x', '${at}')`);
      const events = await decide();
      await processOf()
        .run()
        .catch(() => undefined);
      expect([await inLog(), await waiting(), await aside()]).toEqual([events, ['x'], [['forged', odd]]]);
      await run(`delete from tiny.audit_outbox`);
    },
  );

  it('wait where they are from the future, and let the others pass [guard: row-ahead]', async () => {
    const early = await decide(1_001, { atMs: clock.nowMs() + 61_000 });
    const events = await decide();
    await processOf().run();
    expect([await inLog(), await waiting()]).toEqual([events, early]);
    clock.advance(2);
    await processOf().run();
    expect([(await inLog()).length, await waiting()]).toEqual([1_002, []]);
  });

  it('are left to a process that has their secret, and told of after five minutes', async () => {
    const younger = RowSecrets.of({ urn, rows: [newRowSecret(), ...own.rows] });
    const events = await decide(1, { rows: younger });
    const others = await decide();
    const one = processOf();
    await one.run();
    expect([await inLog(), await waiting(), told()]).toEqual([others, events, []]);
    await run(`update tiny.audit_outbox set at = at - interval '6 minutes'`);
    await one.run();
    await one.run();
    expect([await waiting(), told()]).toEqual([events, [['audit-row-unknown', 1]]]);
    await processOf(younger).run();
    expect([await inLog(), await waiting(), await aside()]).toEqual([[...others, ...events], [], []]);
  });

  it('are set aside where nobody can check them for five minutes, by the hash of each [guard: set-aside-uncheckable]', async () => {
    const elsewhere = RowSecrets.of({ urn, rows: [newRowSecret()] });
    const [old = '', none = ''] = await decide(2, { rows: elsewhere });
    await run(`update tiny.audit_outbox set at = at - interval '6 minutes'`);
    await run(`update tiny.audit_outbox set secret_id = null where id = (select max(id) from tiny.audit_outbox)`);
    const fresh = await decide(1, { rows: elsewhere });
    const good = await decide();
    await run(
      `update tiny.audit_outbox set at = at - interval '6 minutes' where id = (select max(id) from tiny.audit_outbox)`,
    );
    const set = () => database.db.transaction().execute((trx) => setUncheckableAside(trx, 'acme', secrets.ids));
    const { leaves, more } = await set();
    const hashes = await Promise.all([old, none].map((event) => sha256(utf8(event))));
    expect([leaves.map(encodeBase64url), more]).toEqual([hashes.map(encodeBase64url), false]);
    expect(await aside()).toEqual([
      ['unknown', old],
      ['unknown', none],
    ]);
    expect(await waiting()).toEqual([...fresh, ...good]);
    expect(await set()).toEqual({ leaves: [], more: false });
  });

  it('are set aside for one organisation, and only so many at once [guard: org-set-aside]', async () => {
    const elsewhere = RowSecrets.of({ urn, rows: [newRowSecret()] });
    await decide(SET_ASIDE_MAX + 1, { rows: elsewhere });
    await run(`insert into tiny.audit_outbox (org, leaf) values ('other', 'x')`);
    await run(`update tiny.audit_outbox set at = at - interval '6 minutes'`);
    const set = () => database.db.transaction().execute((trx) => setUncheckableAside(trx, 'acme', secrets.ids));
    const [first, second] = [await set(), await set()];
    expect([first.leaves.length, first.more, second.leaves.length, second.more]).toEqual([
      SET_ASIDE_MAX,
      true,
      1,
      false,
    ]);
    expect(await waiting()).toEqual(['x']);
  });

  it('stand beside their entries with what authenticates them, and go back from there', async () => {
    const events = await decide(3);
    await processOf().run();
    const unsigned = new UnsignedRows(database.db);
    const { log } = await database.db.selectFrom('audit_log').select('log').executeTakeFirstOrThrow();
    const found = await unsigned.unsignedLeaves('acme', log, 1, 4);
    expect(found.map(({ index, leaf }) => [index, Buffer.from(leaf).toString()])).toEqual(
      events.map((event, index) => [index + 1, event]),
    );
    for (const { leaf, secretId: id, mac } of found) expect(secrets.check('acme', leaf, { id, mac })).toBe('good');
    await unsigned.dropUnsigned('acme', log, 2);
    const left = await unsigned.unsignedLeaves('acme', log, 0, 9);
    expect(left.map(({ mac }) => mac !== null)).toEqual([false, false, true, true]);
    expect(await database.db.transaction().execute((trx) => unsigned.handBack(trx, 'acme', log))).toBe(2);
    expect(await waiting()).toEqual(events.slice(1));
  });
});
