import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mintId } from '@bulla/crypto';
import { databaseFault } from '@bulla/service-kit';
import { TestClock } from '@bulla/service-kit/testing';
import { sql } from 'kysely';
import { openDatabase } from '../../test/responder-fixture.js';
import { ClaimPurge } from './claim-purge.js';
import type { ResponderTransaction } from '../database/types.js';
import type { ClaimKey, EnvelopeUse } from './claims.repository.js';
import { ClaimsRepository, givingUp, sealing } from './claims.repository.js';
import { Lease, LeaseLost } from './lease.js';
import type { RunEnd } from './lease.js';
import { RestoreMarkRepository } from './restore-mark.repository.js';

const LONG_AGO = new Date(0);
const END: RunEnd = { reply: '{}', frames: 1, finish: 'stop', fin: 'f'.repeat(43) };
const USE = { max: 1, expiresAt: new Date(8e12) };
/** Of leases that nobody keeps alive. */
const NEVER = { add: () => () => {} };
const HELD = { org: 'acme', iss: 'x', jti: 'y', fence: 1 };
let key: ClaimKey;

describe.each(['server', 'embedded'] as const)('claims with the %s database', (kind) => {
  let opened: Awaited<ReturnType<typeof openDatabase>>;
  let claims: ClaimsRepository;

  beforeAll(async () => {
    opened = await openDatabase(kind);
    claims = new ClaimsRepository(opened.database.db);
    await new RestoreMarkRepository(opened.database.db).renew('acme');
  });
  afterAll(() => opened.drop());
  beforeEach(async () => {
    key = { org: 'acme', iss: 'urn:bulla:acme:dev:x', jti: mintId('inv') };
    await taken();
  });

  const inTransaction = <Result>(work: (trx: ResponderTransaction) => Promise<Result>) =>
    opened.database.db.transaction().execute(work);
  const taken = (use: Partial<EnvelopeUse> = {}, of = key) =>
    inTransaction((trx) => claims.take(trx, of, 'rh', { ...USE, jti: mintId('env'), ...use }));
  const isDone = async (change: ReturnType<typeof sealing>) => (await change.execute()).length === 1;
  const leaseOf = (fence: number) =>
    new Lease(
      {
        claims,
        heartbeats: NEVER,
        endings: {
          seal: async (of, { reply }) => isDone(sealing(opened.database.db, { ...of, reply })),
          abandon: async (of) => {
            if (!(await isDone(givingUp(opened.database.db, of)))) await claims.free(of, of.fence);
          },
        },
      },
      { ...key, fence },
    );
  const rowOf = () =>
    opened.database.db.selectFrom('invocation').selectAll().where('jti', '=', key.jti).executeTakeFirstOrThrow();
  const change = (values: object) =>
    opened.database.db.updateTable('invocation').set(values).where('jti', '=', key.jti).execute();

  it('are made once', async () => {
    expect(await taken()).toMatchObject({ isNew: false, isUsed: false });
  });

  it('go from accepted over running to sealed', async () => {
    const lease = leaseOf(1);
    expect(await lease.begin()).toBe(true);
    expect(await rowOf()).toMatchObject({ state: 'running', fence: 1 });
    expect(await lease.beat()).toBe(true);
    expect(await lease.seal(END)).toBe(true);
    expect(await rowOf()).toMatchObject({ state: 'sealed', reply: '{}' });
  });

  it('begin, end and are kept alive by one worker only [red]: the fence decides [guard: fence] [guard: fence-rises]', async () => {
    const first = leaseOf(1);
    const fence = await inTransaction((trx) => claims.takeOver(trx, key));
    const second = leaseOf(fence);
    expect([fence, await second.begin(), await first.begin()]).toEqual([2, true, false]);
    expect([await first.beat(), await first.seal(END)]).toEqual([false, false]);
    expect(first.lost.reason).toBeInstanceOf(LeaseLost);
    await first.abandon();
    expect(await rowOf()).toMatchObject({ state: 'running', fence: 2 });
    expect(await second.seal(END)).toBe(true);
  });

  it('do not begin twice [guard: fence-state]', async () => {
    const lease = leaseOf(1);
    expect([await lease.begin(), await lease.begin()]).toEqual([true, false]);
    await lease.abandon();
  });

  it('that were given up before they began are free at once', async () => {
    await leaseOf(1).abandon();
    const known = await inTransaction((trx) => claims.lock(trx, key));
    expect(known).toMatchObject({ state: 'accepted', alive: false });
  });

  it('that were given up after they began are indeterminate', async () => {
    const lease = leaseOf(1);
    await lease.begin();
    await lease.abandon();
    expect(await rowOf()).toMatchObject({ state: 'indeterminate' });
    expect(await lease.seal(END)).toBe(false);
  });

  it('are settled only when their worker is lost and had begun [guard: settle-lost]', async () => {
    await claims.settle(key);
    expect(await rowOf()).toMatchObject({ state: 'accepted' });
    await leaseOf(1).begin();
    await claims.settle(key);
    expect(await rowOf()).toMatchObject({ state: 'running' });
    await change({ heartbeat: LONG_AGO });
    await claims.settle(key);
    expect(await rowOf()).toMatchObject({ state: 'indeterminate' });
  });

  it('of another organisation are out of reach [guard: claim-change-org]', async () => {
    const other = { ...key, org: 'other' };
    expect(await inTransaction((trx) => claims.lock(trx, other))).toBeUndefined();
    expect(await claims.begin(other, 1)).toBe(false);
  });

  it('of another organisation use nothing of an envelope [guard: use-org]', async () => {
    const jti = mintId('env');
    const used = async (org: string) => {
      const { isNew, isUsed } = await taken({ jti, max: 2 }, { ...key, org, jti: mintId('inv') });
      return [isNew, isUsed];
    };
    await new RestoreMarkRepository(opened.database.db).renew('other');
    expect([await used('acme'), await used('other'), await used('acme'), await used('acme')]).toEqual([
      [true, true],
      [true, false],
      [true, true],
      [true, false],
    ]);
  });

  it('that are known use nothing of their envelope', async () => {
    const jti = mintId('env');
    expect(await taken({ jti })).toMatchObject({ isNew: false });
    expect(await taken({ jti }, { ...key, jti: mintId('inv') })).toMatchObject({ isNew: true, isUsed: true });
  });

  it('lose their reply after a quarter of an hour, and are forgotten after a day, with the uses of dead envelopes', async () => {
    await opened.database.db
      .insertInto('envelope_use')
      .values({ env_jti: key.jti, org: 'acme', uses: 1, max: 1, expires_at: LONG_AGO })
      .execute();
    const purge = new ClaimPurge({ add: () => {} } as never, claims, { org: 'acme' } as never, new TestClock());
    await leaseOf(1).begin();
    expect(await isDone(sealing(opened.database.db, { ...key, fence: 1, reply: 'reply' }))).toBe(true);
    await purge.purge();
    expect(await rowOf()).toMatchObject({ reply: 'reply' });
    await change({ ended_at: new Date(Date.now() - 16 * 60_000) });
    await purge.purge();
    expect(await rowOf()).toMatchObject({ reply: null, state: 'sealed' });
    await change({ created_at: new Date(Date.now() - 25 * 3_600_000) });
    await purge.purge();
    await expect(rowOf()).rejects.toThrow('no result');
    const uses = await opened.database.db
      .selectFrom('envelope_use')
      .selectAll()
      .where('env_jti', '=', key.jti)
      .execute();
    expect(uses).toEqual([]);
  });

  it.each([
    ['ahead', 65],
    ['behind', -65],
  ])(
    'are forgotten by no process whose clock is %s of the database’s, nor are uses [guard: claim-purge-drifted] [guard: use-purge-drifted]',
    async (_name, seconds) => {
      const { db } = opened.database;
      const use = { env_jti: key.jti, org: 'acme', uses: 1, max: 1, expires_at: LONG_AGO };
      await db.insertInto('envelope_use').values(use).execute();
      await change({ state: 'sealed', reply: 'reply', ended_at: LONG_AGO, created_at: LONG_AGO });
      const clock = new TestClock();
      clock.drift(seconds);
      await claims.purge('acme', clock);
      const uses = () => db.selectFrom('envelope_use').select('env_jti').where('env_jti', '=', key.jti).execute();
      await expect(rowOf()).resolves.toMatchObject({ reply: 'reply' });
      expect(await uses()).toEqual([{ env_jti: key.jti }]);
      clock.drift(0);
      await claims.purge('acme', clock);
      await expect(rowOf()).rejects.toThrow('no result');
      expect(await uses()).toEqual([]);
    },
  );

  it('are forgotten a thousand at a time, along an index', async () => {
    const { db } = opened.database;
    await db.deleteFrom('invocation').execute();
    const sealed = { rh: 'rh', state: 'sealed', reply: 'reply' } as const;
    const rows = Array.from({ length: 1_200 }, () => ({ ...key, ...sealed, jti: mintId('inv') }));
    await db.insertInto('invocation').values(rows).execute();
    await db.updateTable('invocation').set({ ended_at: LONG_AGO }).execute();
    const old = rows.slice(0, 1_100).map(({ jti }) => jti);
    await db.updateTable('invocation').set({ created_at: LONG_AGO }).where('jti', 'in', old).execute();
    const batches: bigint[] = [];
    const counted = db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: ({ result }) =>
        Promise.resolve(result).finally(() => batches.push(result.numAffectedRows ?? 0n)),
    });
    await new ClaimsRepository(counted).purge('acme', new TestClock());
    const left = await db.selectFrom('invocation').select('reply').where('ended_at', '=', LONG_AGO).execute();
    expect(left).toEqual(Array.from({ length: 100 }, () => ({ reply: null })));
    expect(batches.filter((rowsOf) => rowsOf > 0n)).toEqual([1_000n, 200n, 1_000n, 100n]);
    const indexes = await sql<{ name: string }>`select indexname as name from pg_indexes`.execute(db);
    expect(indexes.rows).toContainEqual({ name: 'invocation_reply_ended_at' });
  });

  it('count no use beyond the last, whatever the code says', async () => {
    const use = { env_jti: key.jti, org: 'acme', uses: 2, max: 1, expires_at: LONG_AGO };
    const broken = await opened.database.db.insertInto('envelope_use').values(use).execute().catch(databaseFault);
    expect(broken).toMatchObject({ constraint: 'envelope_use_limit' });
  });
});

describe('a lease', () => {
  it('is not lost for a database that does not answer for a moment', async () => {
    const claims = { beat: () => Promise.reject(new Error('gone')) };
    const lease = new Lease({ claims: claims as never, heartbeats: NEVER, endings: {} as never }, HELD);
    expect(await lease.beat()).toBe(true);
    expect(lease.lost.aborted).toBe(false);
  });

  it('is asked for before an end is signed, unless the database has just said that it is held [guard: lease-held]', async () => {
    let beats = 0;
    const claims = { begin: async () => true, beat: async () => (++beats, beats < 2) };
    const lease = new Lease({ claims, heartbeats: NEVER, endings: {} as never }, HELD);
    const startMs = Math.ceil(performance.now());
    const clock = jest.spyOn(performance, 'now');
    try {
      clock.mockReturnValue(startMs);
      expect([await lease.begin(), await lease.isHeld(), beats]).toEqual([true, true, 0]);
      clock.mockReturnValue(startMs + 19_999);
      expect([await lease.isHeld(), beats]).toEqual([true, 0]);
      clock.mockReturnValue(startMs + 20_000);
      expect([await lease.isHeld(), await lease.isHeld(), beats]).toEqual([true, true, 1]);
      clock.mockReturnValue(startMs + 40_000);
      expect([await lease.isHeld(), beats, lease.lost.aborted]).toEqual([false, 2, true]);
      clock.mockReturnValue(startMs + 40_001);
      expect([await lease.isHeld(), beats]).toEqual([false, 2]);
    } finally {
      clock.mockRestore();
      await lease.seal(END).catch(() => {});
    }
  });

  it.each([
    ['once, however often it is asked for', false, 1],
    ['not at all after its end', true, 0],
  ])('is given up %s', async (_name, sealed, times) => {
    let abandoned = 0;
    const endings = {
      seal: () => Promise.resolve(sealed),
      abandon: () => Promise.resolve(void (abandoned += 1)),
    };
    const lease = new Lease({ claims: {} as never, heartbeats: NEVER, endings }, HELD);
    await lease.seal(END);
    await Promise.all([lease.abandon(), lease.abandon()]);
    expect(abandoned).toBe(times);
  });
});
