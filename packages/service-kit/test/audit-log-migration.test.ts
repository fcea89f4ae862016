import { parseLeaf } from '@bulla/contract';
import { databaseForTest } from '@bulla/testkit';
import { expect, it } from '@jest/globals';
import { sql } from 'kysely';
import type { LedgerTables } from '../src/index.js';
import { connectDatabase, EventLog, ledgerMigrations } from '../src/index.js';
import { describeOnServer } from './stores.js';

const KID = 'K'.repeat(43);
const made = { v: 1, who: { type: 'device', kid: KID }, req: 'n'.repeat(22), act: 'prompt.create', res: 'ok' };
const created = { ...made, obj: { prompt: 'prm_01kb2w6r7hf0fvc1m1x3q8p0z5' } };
const refused = { v: 1, act: 'request.refuse', res: 'denied', why: 'unauthenticated', obj: { count: 3 } };

describeOnServer('a database from before the audit log', () => {
  it('has what was recorded in it come into the log, in its order, and nobody’s with the one organisation', async () => {
    const server = await databaseForTest({ empty: true });
    const { url = '' } = server;
    const log = new EventLog({ service: 'tiny', level: 'silent' });
    const open = (migrations: typeof ledgerMigrations) =>
      connectDatabase<LedgerTables>({ from: { url }, schema: 'tiny', migrations, log });
    const before = open(Object.fromEntries(Object.entries(ledgerMigrations).filter(([name]) => name < '2026-12-03')));
    await before.migrate();
    const at = new Date('2026-11-27T10:00:00.123Z');
    const row = (org: string | null, event: object, id: string | null) =>
      sql`insert into tiny.audit_event (org, at, event, request_id) values (${org}, ${at}, ${JSON.stringify(event)}, ${id})`;
    await row('acme', created, 'a-request').execute(before.db);
    await row(null, refused, null).execute(before.db);
    await before.close();

    const now = open(ledgerMigrations);
    await now.migrate();
    const rows = await now.db.selectFrom('audit_outbox').select(['org', 'at', 'leaf']).orderBy('id').execute();
    expect(rows.map(({ org, at: when }) => [org, when])).toEqual([
      ['acme', at],
      ['acme', at],
    ]);
    const [first, second] = rows.map(({ leaf }) => parseLeaf(Buffer.from(leaf).toString()));
    expect(first).toEqual({ ...created, id: expect.any(String), t: at.toISOString(), org: 'acme', rid: 'a-request' });
    expect(second).toEqual({ ...refused, id: expect.any(String), t: at.toISOString(), org: 'acme' });
    expect(first?.id).not.toBe(second?.id);
    const seen = await now.db.selectFrom('audit_event').select(['event', 'request_id']).execute();
    expect(seen).toEqual([
      { event: created, request_id: 'a-request' },
      { event: refused, request_id: null },
    ]);
    await now.close();
    await server.drop();
  });
});
