import { mintId } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { sql } from 'kysely';
import { purgeExpired } from '../src/audit/purge.js';
import { ClockDrift } from '../src/database/clock-drift.js';
import { SignedClient } from '../src/testing.js';
import { describeOnServer, stores } from './stores.js';
import type { Tiny } from './tiny-vault.js';
import { faults, startTiny } from './tiny-vault.js';

describe.each(stores)('on %s a mutation', (store) => {
  let tiny: Tiny;
  beforeAll(async () => {
    tiny = await startTiny({ on: store });
  });
  afterAll(() => tiny.stop());
  afterEach(() => {
    delete faults.beforeEffect;
    delete faults.onEffect;
    delete faults.keepSeconds;
    delete faults.onGet;
  });

  const newThing = () => ({ id: mintId('prm'), name: 'claims/triage', type: 'text' });
  const nonce = () => Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
  const idempotencyKey = () => crypto.randomUUID();
  const count = async (table: 'thing' | 'http_nonce' | 'idempotency' | 'audit_event') => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(`tiny.${table}`)}`.execute(
      tiny.database.db,
    );
    return rows[0]?.n;
  };
  const lastAudit = async () =>
    (await tiny.database.db.selectFrom('audit_event').select('event').orderBy('at', 'desc').limit(1).execute())[0]
      ?.event;

  it('is refused when its signature is used again, also at the same moment [guard: nonce-effect]', async () => {
    const again = { nonce: nonce() };
    const made = await Promise.all(
      Array.from({ length: 8 }, () => tiny.owner.post('/api/v1/prompts', newThing(), again)),
    );
    expect(made.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201, 401, 401, 401, 401, 401, 401, 401,
    ]);
    expect(await tiny.owner.post('/api/v1/prompts', newThing(), again)).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated', detail: 'this signature was used already' },
    });
    expect(await lastAudit()).toMatchObject({ act: 'prompt.create', res: 'denied', why: 'unauthenticated' });
  });

  it('that was refused cannot come back either [guard: nonce-refusal]', async () => {
    const thing = newThing();
    await tiny.owner.post('/api/v1/prompts', thing);
    const again = { nonce: nonce() };
    expect(await tiny.owner.post('/api/v1/prompts', thing, again)).toMatchObject({
      status: 409,
      body: { code: 'name_taken' },
    });
    expect(await lastAudit()).toMatchObject({ act: 'prompt.create', res: 'denied', why: 'name_taken' });
    await tiny.owner.delete(`/api/v1/prompts/${thing.id}`);
    expect(await tiny.owner.post('/api/v1/prompts', thing, again)).toMatchObject({ status: 401 });
    const forbidden = { nonce: nonce() };
    expect(await tiny.auditor.post('/api/v1/prompts', newThing(), forbidden)).toMatchObject({ status: 403 });
    const { db } = tiny.database;
    const rows = await db.selectFrom('http_nonce').selectAll().where('nonce', '=', forbidden.nonce).execute();
    expect(rows).toMatchObject([
      { org: 'acme', keyid: tiny.acme.auditor.keyid, expires_at: tiny.clock.now() + 60 + 240 },
    ]);
  });

  it('with the same Idempotency-Key gets the same answer and one effect', async () => {
    const thing = newThing();
    const key = { idempotencyKey: idempotencyKey() };
    const first = await tiny.owner.post('/api/v1/prompts', thing, key);
    const before = await count('audit_event');
    const second = await tiny.owner.post('/api/v1/prompts', thing, key);
    expect(second).toMatchObject({ status: 201, text: first.text, headers: { 'idempotent-replayed': '?1' } });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(await count('audit_event')).toBe((before ?? 0) + 1);
    expect(await lastAudit()).toMatchObject({ act: 'prompt.create', res: 'ok', obj: { prompt: thing.id } });
    await expect(tiny.owner.verify(second, tiny.acme.trust, tiny.acme.vault.urn)).resolves.toBeUndefined();
  });

  it('with the same Idempotency-Key gets status and headers again', async () => {
    const options = { idempotencyKey: idempotencyKey(), headers: { 'if-match': '"3"' } };
    const path = '/api/v1/organisations/acme/directory';
    await tiny.owner.put(path, { directory: '{"a":1}' }, options);
    const second = await tiny.owner.put(path, { directory: '{"a":1}' }, options);
    expect(second).toMatchObject({
      status: 200,
      body: { version: 4 },
      headers: { etag: '"4"', 'x-tiny': 'kept', 'idempotent-replayed': '?1' },
    });
  });

  it.each([
    ['another body [guard: idempotency-request] [guard: idempotency-body]', { directory: '{"a":2}' }, '"3"', 'acme'],
    ['another condition [guard: idempotency-condition]', { directory: '{"a":1}' }, '"4"', 'acme'],
  ])('with the same Idempotency-Key and %s is a conflict', async (_name, body, ifMatch, org) => {
    const key = { idempotencyKey: idempotencyKey() };
    const path = `/api/v1/organisations/${org}/directory`;
    await tiny.owner.put(path, { directory: '{"a":1}' }, { ...key, headers: { 'if-match': '"3"' } });
    expect(await tiny.owner.put(path, body, { ...key, headers: { 'if-match': ifMatch } })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_conflict' },
    });
  });

  it('with the same Idempotency-Key on another route is a conflict', async () => {
    const key = { idempotencyKey: idempotencyKey() };
    await tiny.owner.post('/api/v1/prompts', newThing(), key);
    expect(
      await tiny.owner.put(
        '/api/v1/organisations/acme/directory',
        { directory: '{"a":1}' },
        { ...key, headers: { 'if-match': '"1"' } },
      ),
    ).toMatchObject({
      status: 422,
      body: { code: 'idempotency_conflict' },
    });
  });

  it('with the same Idempotency-Key by another key is another matter', async () => {
    const key = { idempotencyKey: idempotencyKey() };
    await tiny.owner.post('/api/v1/prompts', newThing(), key);
    expect(await tiny.clientOf(tiny.acme.author).post('/api/v1/prompts', newThing(), key)).toMatchObject({
      status: 201,
    });
  });

  it('with the same Idempotency-Key fifty times at once has one effect and one answer', async () => {
    const thing = newThing();
    const key = { idempotencyKey: idempotencyKey() };
    const before = (await count('thing')) ?? 0;
    const answers = await Promise.all(Array.from({ length: 50 }, () => tiny.owner.post('/api/v1/prompts', thing, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count('thing')).toBe(before + 1);
  });

  it('that was refused may be tried again with the same Idempotency-Key', async () => {
    const thing = newThing();
    const key = { idempotencyKey: idempotencyKey() };
    faults.beforeEffect = () => Promise.reject(new Problem('forbidden'));
    expect(await tiny.owner.post('/api/v1/prompts', thing, key)).toMatchObject({ status: 403 });
    delete faults.beforeEffect;
    expect(await tiny.owner.post('/api/v1/prompts', thing, key)).toMatchObject({ status: 201 });
  });

  it('with a known Idempotency-Key has no effect again, whatever a process takes for the time, until the key is forgotten', async () => {
    const key = { idempotencyKey: idempotencyKey() };
    const thing = newThing();
    await tiny.owner.post('/api/v1/prompts', thing, key);
    const before = await count('thing');
    tiny.clock.advance(2 * 86_400);
    const again = await tiny.owner.post('/api/v1/prompts', thing, key);
    expect(again).toMatchObject({ status: 201, headers: { 'idempotent-replayed': '?1' } });
    await tiny.database.db
      .updateTable('idempotency')
      .set({ expires_at: 0 })
      .where('key', '=', key.idempotencyKey)
      .execute();
    await purgeExpired(tiny.database.db, tiny.clock);
    expect(await count('thing')).toBe(before);
    expect(await tiny.owner.post('/api/v1/prompts', newThing(), key)).toMatchObject({ status: 201 });
    expect(await count('thing')).toBe((before ?? 0) + 1);
    tiny.clock.advance(-2 * 86_400);
  });

  it('with an Idempotency-Key that comes past its answer has no effect again [guard: idempotency-ended]', async () => {
    const key = { idempotencyKey: idempotencyKey() };
    const thing = newThing();
    const { db } = tiny.database;
    faults.keepSeconds = 120;
    await tiny.owner.post('/api/v1/prompts', thing, key);
    delete faults.keepSeconds;
    const before = await count('thing');
    tiny.clock.advance(119);
    expect(await tiny.owner.post('/api/v1/prompts', thing, key)).toMatchObject({ status: 201 });
    tiny.clock.advance(1);
    // Of the vault's prompts none has an answer that ends: what its interface says of them does not hold here.
    const { service, clock, acme } = tiny;
    const unheld = new SignedClient(service, acme.owner, { now: () => clock.now() });
    const late = await unheld.post('/api/v1/prompts', thing, key);
    tiny.clock.advance(-120);
    expect(late).toMatchObject({ status: 403, body: { code: 'envelope_expired' } });
    expect(await count('thing')).toBe(before);
    const rows = await db.selectFrom('idempotency').selectAll().where('key', '=', key.idempotencyKey).execute();
    expect(Math.abs((rows[0]?.expires_at ?? 0) - 86_400 - Date.now() / 1000)).toBeLessThan(60);
  });

  it.each([
    ['ahead', 61],
    ['behind', -61],
  ])(
    'has no effect while the clock of its process is %s of its database by more than a minute [guard: claim-drifted]',
    async (_name, seconds) => {
      const before = [await count('thing'), await count('idempotency')];
      const same = { ...newThing() };
      tiny.clock.drift(seconds);
      const drifted = await tiny.owner.post('/api/v1/prompts', same);
      expect(drifted).toMatchObject({ status: 503, body: { code: 'overloaded', retryable: true } });
      expect(drifted.headers['retry-after']).toBeDefined();
      expect([await count('thing'), await count('idempotency')]).toEqual(before);
      tiny.clock.drift(Math.sign(seconds) * 55);
      expect(await tiny.owner.post('/api/v1/prompts', same)).toMatchObject({ status: 201 });
      tiny.clock.drift(0);
      expect(tiny.log.join('')).toMatch(
        /"event":"clock-stops-claims","driftMs":6[01]...[^]*"event":"clock-agrees-again"/,
      );
    },
  );

  it('writes no row at all while the clocks are known to be apart, and goes on by itself [guard: row-drifted]', async () => {
    const thing = newThing();
    expect(await tiny.owner.post('/api/v1/prompts', thing)).toMatchObject({ status: 201 });
    const get = () => tiny.owner.get(`/api/v1/prompts/${thing.id}`);
    tiny.clock.drift(61);
    await tiny.service.app.get(ClockDrift, { strict: false }).look();
    const before = await count('audit_event');
    expect(await get()).toMatchObject({ status: 503, body: { code: 'overloaded' } });
    expect(await tiny.owner.get(`/api/v1/prompts/${mintId('prm')}`)).toMatchObject({ status: 503 });
    expect(await count('audit_event')).toBe(before);
    tiny.clock.drift(0);
    expect(await get()).toMatchObject({ status: 200 });
  });

  it('is durable, also on a connection of a pooler that is not set so [guard: durable-claim]', async () => {
    const { db } = tiny.database;
    const seen: unknown[] = [];
    faults.onEffect = async (trx) => {
      seen.push(...(await sql<{ synchronous_commit: string }>`show synchronous_commit`.execute(trx)).rows);
    };
    // Slow, so that each connection that there may be is taken by one.
    const setAll = (to: string) =>
      Promise.all(
        Array.from({ length: 12 }, () =>
          sql`select set_config('synchronous_commit', ${to}, false), pg_sleep(0.1)`.execute(db),
        ),
      );
    await setAll('off');
    const answers = await Promise.all(Array.from({ length: 4 }, () => tiny.owner.post('/api/v1/prompts', newThing())));
    await setAll('on');
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(seen).toEqual(Array.from({ length: 4 }, () => ({ synchronous_commit: 'on' })));
  });

  it('that fails for a reason of ours has no effect and is answered without a word of it', async () => {
    const thing = newThing();
    const before = [await count('thing'), await count('idempotency')];
    faults.beforeEffect = () => Promise.reject(new TypeError('canary-7f3a'));
    const failed = await tiny.owner.post('/api/v1/prompts', thing);
    expect(failed).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(failed.text).not.toContain('canary');
    expect(tiny.log.join('')).not.toContain('canary');
    expect(tiny.log.join('')).toContain('"errorName":"TypeError"');
    expect([await count('thing'), await count('idempotency')]).toEqual(before);
    expect(await lastAudit()).toMatchObject({ act: 'prompt.create', res: 'error', why: 'internal' });
  });

  it('has no effect while it cannot be written to the audit log, nor does a secret leave [guard: audit-effect] [guard: audit-read]', async () => {
    const thing = newThing();
    await tiny.owner.post('/api/v1/prompts', thing);
    const { db } = tiny.database;
    await sql`create function tiny.refuse() returns trigger language plpgsql as 'begin raise exception ''canary-7f3a''; end'`.execute(
      db,
    );
    await sql`create trigger refuse before insert on tiny.audit_outbox for each row execute function tiny.refuse()`.execute(
      db,
    );
    const before = [await count('thing'), await count('http_nonce'), await count('idempotency')];
    const answers = [
      await tiny.owner.post('/api/v1/prompts', newThing()),
      await tiny.owner.get(`/api/v1/prompts/${thing.id}`),
      await tiny.auditor.post('/api/v1/prompts', newThing()),
    ];
    await sql`drop trigger refuse on tiny.audit_outbox`.execute(db);
    for (const answer of answers)
      expect(answer).toMatchObject({
        status: 503,
        body: { code: 'overloaded', retryable: true },
        headers: { 'retry-after': '1' },
      });
    expect(answers.map(({ text }) => text).join('')).not.toContain('canary');
    expect([await count('thing'), await count('http_nonce'), await count('idempotency')]).toEqual(before);
    expect(tiny.log.join('')).toContain('"errorCode":"P0001"');
    expect(tiny.log.join('')).not.toContain('canary');
  });

  it('leaves nonces and answers that are purged when their time is over', async () => {
    const { db } = tiny.database;
    for (let times = 0; times < 3; times++) {
      await tiny.owner.post('/api/v1/prompts', newThing(), { idempotencyKey: idempotencyKey() });
    }
    // The clock of the process decides nothing.
    tiny.clock.advance(2 * 86_400);
    expect(await purgeExpired(db, tiny.clock)).toEqual({ nonces: 0, answers: 0 });
    tiny.clock.advance(-2 * 86_400);
    await db.updateTable('http_nonce').set({ expires_at: 1 }).execute();
    await db.updateTable('idempotency').set({ expires_at: 1 }).execute();
    await tiny.owner.post('/api/v1/prompts', newThing(), { idempotencyKey: idempotencyKey() });
    const before = [await count('http_nonce'), await count('idempotency')];
    const purged = await purgeExpired(db, tiny.clock);
    expect(purged.nonces).toBeGreaterThanOrEqual(3);
    expect(purged.answers).toBeGreaterThanOrEqual(3);
    expect([purged.nonces + 1, purged.answers + 1]).toEqual(before);
    expect([await count('http_nonce'), await count('idempotency')]).toEqual([1, 1]);
  });

  it('leaves nonces and answers that nobody forgets whose clock is wrong [guard: purge-drifted]', async () => {
    const { db } = tiny.database;
    await tiny.owner.post('/api/v1/prompts', newThing(), { idempotencyKey: idempotencyKey() });
    await db.updateTable('http_nonce').set({ expires_at: 1 }).execute();
    await db.updateTable('idempotency').set({ expires_at: 1 }).execute();
    const purged: object[] = [];
    for (const seconds of [65, -65]) {
      tiny.clock.drift(seconds);
      purged.push(await purgeExpired(db, tiny.clock));
    }
    tiny.clock.drift(0);
    expect(purged).toEqual([
      { nonces: 0, answers: 0 },
      { nonces: 0, answers: 0 },
    ]);
    expect((await purgeExpired(db, tiny.clock)).nonces).toBeGreaterThan(0);
  });

  it('is refused again in the last second in which its signature is taken, after a purge by a clock that is ahead', async () => {
    const { db } = tiny.database;
    const thing = newThing();
    const again = { nonce: nonce(), signedAt: tiny.clock.now() };
    expect((await tiny.owner.post('/api/v1/prompts', thing, again)).status).toBe(201);
    // A signature lives a minute, and is taken a minute longer. The clock of the database is another minute ahead.
    const [late, ahead] = [120, 60];
    tiny.clock.advance(late);
    const passed = sql<number>`expires_at - (${again.signedAt}::int8 - extract(epoch from now())::int8) - ${late + ahead}::int8`;
    await db.updateTable('http_nonce').set({ expires_at: passed }).where('nonce', '=', again.nonce).execute();
    await purgeExpired(db, tiny.clock);
    const used = { status: 401, body: { detail: expect.stringContaining('used') } };
    expect(await tiny.owner.post('/api/v1/prompts', newThing(), again)).toMatchObject(used);
    tiny.clock.advance(1);
    expect(await tiny.owner.post('/api/v1/prompts', newThing(), again)).toMatchObject({ body: { code: 'clock_skew' } });
    tiny.clock.advance(-late - 1);
  });

  it('leaves no more of them than callers may make between two purges', async () => {
    const { db } = tiny.database;
    // Four organisations at their limit of two hundred a second.
    const nonces = 4 * 200 * 60;
    await sql`insert into tiny.http_nonce select 'acme', 'key', n::text, 0 from generate_series(1, ${nonces}::int) n`.execute(
      db,
    );
    expect((await purgeExpired(db, tiny.clock)).nonces).toBe(nonces);
  });
});

describeOnServer('on PostgreSQL a mutation', () => {
  let tiny: Tiny;
  beforeAll(async () => {
    tiny = await startTiny();
  });
  afterAll(() => tiny.stop());
  afterEach(() => {
    delete faults.beforeEffect;
  });

  it('waits for another with its Idempotency-Key, and no longer than two seconds', async () => {
    const thing = { id: mintId('prm'), name: 'claims/triage', type: 'text' };
    const key = { idempotencyKey: crypto.randomUUID() };
    const { promise: atWork, resolve: begun } = Promise.withResolvers<void>();
    const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
    faults.beforeEffect = () => {
      begun();
      return allowed;
    };
    const first = tiny.owner.post('/api/v1/prompts', thing, key);
    const started = first.then((answer) => answer);
    await atWork;
    const second = await tiny.owner.post('/api/v1/prompts', thing, key);
    expect(second).toMatchObject({
      status: 409,
      body: { code: 'indeterminate', retryable: true },
      headers: { 'retry-after': '1' },
    });
    const third = tiny.owner.post('/api/v1/prompts', thing, key);
    allow();
    expect(await started).toMatchObject({ status: 201 });
    expect(await third).toMatchObject({ status: 201, headers: { 'idempotent-replayed': '?1' } });
  });
});
