import { encodeLeaf } from '@bulla/contract';
import type { Signer } from '@bulla/crypto';
import { encodeBase64url, generateKeyPair, loadSigner, mintId, newRowSecret, sha256, utf8 } from '@bulla/crypto';
import { noteKeyOf, signCheckpoint } from '@bulla/crypto/log';
import { folderForTest } from '@bulla/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { LeafWatch } from '../src/audit-rows/leaf-watch.js';
import { LeavesRepository } from '../src/audit-rows/leaves.repository.js';
import { LogRepository } from '../src/audit-log/log.repository.js';
import { RowAlarms } from '../src/audit-rows/row-alarms.js';
import { AcknowledgedLeaves } from '../src/audit/acknowledged-leaves.js';
import { AuditOutbox } from '../src/audit/outbox.js';
import { RowSecrets } from '../src/audit/row-secrets.js';
import type { Database, LedgerTables } from '../src/index.js';
import { EventLog } from '../src/index.js';
import { openGate, TestClock } from '../src/testing.js';
import type { LogKeyForTest } from './log-writer.js';
import { folderFor, logKeyForTest, originOfLog, writerForTest } from './log-writer.js';
import { stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

// A process told callers of decisions; somebody who has the database takes them away.

const TABLES = ['audit_outbox', 'audit_unsigned', 'audit_set_aside', 'audit_entry', 'audit_tile', 'audit_log'] as const;
const urn = 'urn:bulla:acme:svc:vault';
const ORIGIN = originOfLog(1);
const SECONDS_MAX = 900;

describe.each(stores)('what a process told callers on %s', (store) => {
  let tiny: Tiny;
  let database: Database<LedgerTables>;
  let key: Signer;
  let logKey: LogKeyForTest;
  let folder = '';
  let lines: string[] = [];
  let nowMs = 0;
  let leaves: AcknowledgedLeaves;
  let watch: LeafWatch;
  const clock = new TestClock();
  const rows = RowSecrets.of({ urn, rows: [newRowSecret()] });
  const outbox = new AuditOutbox({ keys: { rows }, drift: { requireAgreed: () => {} }, lag: openGate });
  beforeAll(async () => {
    // The service itself leaves the log alone.
    tiny = await startTiny({ on: store, limits: { auditIntervalMs: 3_600_000 } });
    database = tiny.database;
    logKey = await logKeyForTest(1);
    key = logKey.signer;
  });
  afterAll(() => tiny.stop());
  beforeEach(async () => {
    for (const table of TABLES) await database.db.deleteFrom(table).execute();
    lines = [];
    folder = folderFor(folderForTest('audit-marks'), logKey);
    leaves = new AcknowledgedLeaves({ secondsMax: SECONDS_MAX, nowMs: () => nowMs });
    watch = new LeafWatch({
      leaves,
      logs: new LogRepository(database.db),
      rows: new LeavesRepository(database.db),
      trustOf: async () => ({ origin: ORIGIN, keys: [await noteKeyOf(ORIGIN, key.publicJwk)] }),
      alarms: alarms(),
      nowMs: () => nowMs,
    });
  });

  const alarms = () => {
    const log = new EventLog({ service: 'tiny', stream: { write: (line) => void lines.push(line) } });
    return new RowAlarms({ metrics: { alarm: () => {} }, clock, log });
  };
  const logs = () => new LogRepository(database.db);
  /** Signs whatever the log is, as somebody else's process does. */
  const sign = async (by = key) => {
    const head = await logs().newest('acme');
    if (head === undefined) return;
    const note = await signCheckpoint(ORIGIN, head, [{ key: await noteKeyOf(ORIGIN, by.publicJwk), signer: by }]);
    await logs().keepCheckpoint(head, head.size, note);
  };
  const sequence = () => {
    const signs = () => ({ requireContinued: async () => {}, sign: async () => {} });
    const parts = { clock, alarms: alarms() };
    return writerForTest({ database, folder, listed: [logKey], rows, signs, parts }).sequencer.run();
  };
  const tell = async (count = 1) => {
    const sealed = Array.from({ length: count }, () => {
      const at = clock.nowMs();
      const event = encodeLeaf(
        { id: mintId('aud', at), t: new Date(at).toISOString(), org: 'acme' },
        { v: 1, who: { type: 'service' }, act: 'kek.destroy', res: 'ok', obj: { kek: 7 } },
      );
      return outbox.seal({ org: 'acme', event, evidence: null });
    });
    await outbox.write(database.db, ...sealed);
    leaves.note(sealed);
    return sealed;
  };
  const run = (statement: string) => sql.raw(statement.replaceAll('tiny.', `${database.schema}.`)).execute(database.db);
  const later = (seconds = 11) => void (nowMs += seconds * 1000);
  const told = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
  const require = () => leaves.require('acme');

  it('is kept until a checkpoint holds it, in logs of any size', async () => {
    for (const count of [1, 300, 700]) {
      await tell(count);
      await watch.look();
      expect(leaves.of('acme')).toHaveLength(count);
      await sequence();
      later();
      await watch.look();
      expect(leaves.of('acme')).toHaveLength(count);
      await sign();
      await watch.look();
      expect(leaves.of('acme')).toEqual([]);
    }
    expect(told()).toEqual([]);
  });

  const LAST = 'where id = (select max(id) from tiny.audit_outbox)';
  /** Time goes by, in which the log is written and signed as always. */
  const goOn = async () => {
    for (let looks = 0; looks < 3; looks++) {
      later();
      await tell();
      await sequence();
      await sign();
      await watch.look();
    }
  };

  it.each([
    ['deletes it', `delete from tiny.audit_outbox ${LAST}`],
    ['changes it', `update tiny.audit_outbox set mac = decode(repeat('00', 32), 'hex') ${LAST}`],
    ['gives it to another organisation', `update tiny.audit_outbox set org = 'other' ${LAST}`],
  ])('is missed where somebody %s, and nothing is decided then [guard: leaf-missing]', async (_, statement) => {
    await tell(5);
    await run(statement);
    await goOn();
    expect(require).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(told()).toContain('audit-leaf-missing');
    expect(() => leaves.require('other')).not.toThrow();
  });

  it('is missed where a trigger drops its row while the effect stays', async () => {
    await run(`create function tiny.drop_row() returns trigger language plpgsql as 'begin return null; end'`);
    await run('create trigger drops before insert on tiny.audit_outbox for each row execute function tiny.drop_row()');
    await tell();
    await run('drop trigger drops on tiny.audit_outbox');
    await run('drop function tiny.drop_row()');
    await goOn();
    expect(require).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('is found although somebody puts a log beside that nobody signed, and takes it away again', async () => {
    await tell(2);
    await sequence();
    await run(`insert into tiny.audit_log (org, log, origin, size, root, frontier, checkpoint, checkpoint_size)
      select org, 99, origin, size, root, frontier, 'x', size from tiny.audit_log`);
    later();
    await watch.look();
    await run('delete from tiny.audit_log where log = 99');
    await goOn();
    expect(leaves.of('acme')).toEqual([]);
    expect(require).not.toThrow();
  });

  it('is late while it is in a log that nobody signs, which ends with the signature [guard: leaf-late]', async () => {
    await tell(2);
    await sequence();
    await watch.look();
    later(SECONDS_MAX);
    expect(require).not.toThrow();
    later(1);
    await watch.look();
    expect(require).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(told()).toEqual(['audit-leaf-missing']);
    await sign();
    await watch.look();
    expect(require).not.toThrow();
  });

  it('is set aside where the signed log says so, and not where the table alone does [guard: leaf-aside-said]', async () => {
    const [row] = await tell();
    await run(`with gone as (delete from tiny.audit_outbox ${LAST} returning *)
      insert into tiny.audit_set_aside (org, id, at, leaf, secret_id, mac, why)
      select org, id, at, leaf, secret_id, mac, 'unknown' from gone`);
    await sequence();
    await sign();
    // Nor where an entry says so that is none.
    await run(`insert into tiny.audit_entry (org, log, idx, at, leaf, act, res, objects)
      select 'acme', log, 0, now(), '\\xff', 'audit.set-aside', 'ok', '{}' from tiny.audit_log`);
    await goOn();
    expect(leaves.of('acme').map(({ mac }) => mac)).toEqual([row?.mac]);
    expect(require).not.toThrow();
    await run(`delete from tiny.audit_entry where leaf = '\\xff'`);
    const at = clock.nowMs();
    const hash = encodeBase64url(await sha256(utf8(row?.event ?? '')));
    const event = encodeLeaf(
      { id: mintId('aud', at), t: new Date(at).toISOString(), org: 'acme' },
      { v: 1, who: { type: 'service' }, act: 'audit.set-aside', res: 'ok', obj: { items: 1, leaves: [hash] } },
    );
    await outbox.write(database.db, { org: 'acme', event, evidence: null });
    await goOn();
    expect(leaves.of('acme')).toEqual([]);
  });

  it('is not missing where it was noted a moment after its leaf was read [guard: leaf-read-anew]', async () => {
    await tell();
    await watch.look();
    const [late] = await tell();
    const forgotten = leaves.of('acme').filter(({ mac }) => mac === late?.mac);
    leaves.settle(
      'acme',
      forgotten.map(({ hash }) => hash),
    );
    await sequence();
    await sign();
    await tell();
    await watch.look();
    if (late !== undefined) leaves.note([late]);
    for (let turns = 0; turns < 3; turns++) await goOn();
    expect(require).not.toThrow();
    expect(leaves.of('acme').map(({ mac }) => mac)).not.toContain(late?.mac);
  });

  it('is missing although SQL put a log with a higher number there', async () => {
    await tell();
    await sequence();
    await sign();
    await watch.look();
    await tell();
    await watch.look();
    await run('delete from tiny.audit_outbox');
    await run(`insert into tiny.audit_log (org, log, origin, size, frontier, root, checkpoint_size)
      select 'acme', 9, 'x', 0, '', root, 0 from tiny.audit_log`);
    for (let looks = 0; looks < 5; looks++) {
      later();
      await watch.look();
    }
    expect(require).toThrow('a decision is missing');
  });

  it('is under no root that another key signed [guard: leaf-watch-signed]', async () => {
    await tell();
    await sequence();
    await sign(await loadSigner((await generateKeyPair('ed25519', 'sig')).privateJwk, 'Ed25519'));
    await watch.look();
    expect(leaves.of('acme')).toHaveLength(1);
  });

  it('is under no root that its tiles do not lead to [guard: leaf-watch-root]', async () => {
    const [gone] = await tell();
    await run('delete from tiny.audit_outbox');
    await tell();
    await sequence();
    await sign();
    const hash = Buffer.from(leaves.of('acme')[0]?.hash ?? '', 'latin1').toString('hex');
    await run(`update tiny.audit_tile set hashes = substr(hashes, 1, 32) || decode('${hash}', 'hex') where level = 0`);
    await watch.look();
    expect(leaves.of('acme').map(({ mac }) => mac)).toContain(gone?.mac);
  });

  it('is kept of as many decisions as may wait, and nothing more is decided then [guard: leaves-many]', async () => {
    const some = Array.from({ length: 99_999 }, (_, n) => ({
      org: 'acme',
      event: `{"n":${n}}`,
      evidence: null,
      secretId: '',
      mac: '',
    }));
    leaves.note(some);
    expect(require).not.toThrow();
    await tell();
    expect(require).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });
});
