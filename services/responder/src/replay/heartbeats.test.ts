import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mintId } from '@bulla/crypto';
import { findPostgres } from '@bulla/testkit';
import { openDatabase } from '../../test/responder-fixture.js';
import { ClaimsRepository } from './claims.repository.js';
import type { Held } from './claims.repository.js';
import { AGAIN_MS, BEAT_MS, Heartbeats } from './heartbeats.js';
import { HeartbeatsRepository } from './heartbeats.repository.js';
import { Lease, LeaseLost } from './lease.js';

const LONG_AGO = new Date(0);
const endings = { seal: async () => true, abandon: async () => {} };

describe.each(['server', 'embedded'] as const)('heartbeats in the %s database', (kind) => {
  let opened: Awaited<ReturnType<typeof openDatabase>>;
  let statements: number;
  let claims: ClaimsRepository;
  let heartbeats: Heartbeats;

  beforeAll(async () => {
    opened = await openDatabase(kind);
    const counted = opened.database.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => (statements++, result),
    });
    claims = new ClaimsRepository(counted);
    heartbeats = new Heartbeats(new HeartbeatsRepository(counted));
  });
  afterAll(() => opened.drop());
  let leases: Lease[];
  beforeEach(async () => {
    leases = [];
    for (let n = 0; n < 4; n++) leases.push(await running());
    statements = 0;
  });
  afterEach(async () => {
    for (const lease of leases) await lease.abandon();
  });

  /** A question whose run began, and showed itself last long ago. */
  async function running(): Promise<Lease> {
    const held: Held = { org: 'acme', iss: 'urn:bulla:acme:dev:x', jti: mintId('inv'), fence: 1 };
    await opened.database.db
      .insertInto('invocation')
      .values({ ...held, rh: 'rh', state: 'accepted', reply: null })
      .execute();
    const lease = new Lease({ claims, heartbeats, endings }, held);
    expect(await lease.begin()).toBe(true);
    await change(lease, { heartbeat: LONG_AGO });
    return lease;
  }
  const at = (index: number): Lease => {
    const lease = leases[index];
    if (lease === undefined) throw new Error('there is no such lease');
    return lease;
  };
  const change = ({ held }: Lease, values: object) =>
    opened.database.db.updateTable('invocation').set(values).where('jti', '=', held.jti).execute();
  const heartbeatOf = async ({ held }: Lease) => {
    const { heartbeat } = await opened.database.db
      .selectFrom('invocation')
      .select('heartbeat')
      .where('jti', '=', held.jti)
      .executeTakeFirstOrThrow();
    return heartbeat;
  };
  const shown = async () =>
    Promise.all(leases.map(async (lease) => (await heartbeatOf(lease)).getTime() > Date.now() - 60_000));

  it('of all runs are one statement', async () => {
    await heartbeats.beat();
    expect([statements, await shown()]).toEqual([1, [true, true, true, true]]);
  });

  it.each([
    ['another worker has taken', '[guard: heartbeats-fence]', { fence: 2 }],
    ['somebody has settled', '[guard: heartbeats-state]', { state: 'indeterminate' }],
    ['is another organisation’s', '[guard: heartbeats-org]', { org: 'other' }],
  ])('tell a run that %s that its claim is lost, and no other %s', async (_name, _guard, values) => {
    await change(at(1), values);
    await heartbeats.beat();
    expect(await shown()).toEqual([true, false, true, true]);
    expect(leases.map(({ lost }) => lost.reason as unknown)).toEqual([
      undefined,
      expect.any(LeaseLost),
      undefined,
      undefined,
    ]);
    // It is not asked for again.
    expect([await at(0).isHeld(), await at(1).isHeld(), statements]).toEqual([true, false, 1]);
  });

  it('say nothing of a run that has ended', async () => {
    await at(2).seal({ reply: null, frames: 1, finish: 'stop', fin: 'f'.repeat(43) });
    await heartbeats.beat();
    expect([await shown(), at(2).lost.aborted]).toEqual([[true, true, false, true], false]);
  });

  it('are of one moment for as many as there may be', async () => {
    const many = Array.from({ length: 2_000 }, () => ({ ...at(0).held, jti: mintId('inv') }));
    const rows = many.map((one) => ({ ...one, rh: 'rh', state: 'running' as const, reply: null }));
    await opened.database.db.insertInto('invocation').values(rows).execute();
    const signs = await new HeartbeatsRepository(opened.database.db).beat([...many, { ...at(0).held, jti: 'none' }]);
    expect([signs.filter((sign) => sign === 'shown').length, signs.at(-1)]).toEqual([2_000, 'lost']);
  });

  // The embedded database has one connection, on which nobody else can hold a row.
  const describeOnServer = findPostgres() === undefined ? describe.skip : describe;
  const whereOthersAre = kind === 'server' ? describeOnServer : () => {};
  whereOthersAre('where others hold rows', () => {
    it('wait for no row that somebody has locked, but ask for that one alone [guard: heartbeats-locked]', async () => {
      const locked = Promise.withResolvers<void>();
      const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
      const other = opened.database.db.transaction().execute(async (trx) => {
        await claims.lock(trx, at(3).held);
        locked.resolve();
        await mayEnd;
      });
      await locked.promise;
      const alone = jest.spyOn(claims, 'beat');
      const waiting = Promise.withResolvers<void>();
      alone.mockImplementationOnce((...of) => {
        waiting.resolve();
        return ClaimsRepository.prototype.beat.apply(claims, of);
      });
      const beaten = heartbeats.beat();
      try {
        await Promise.race([waiting.promise, beaten]);
        expect(await shown()).toEqual([true, true, true, false]);
      } finally {
        end();
        await Promise.all([other, beaten]);
        alone.mockRestore();
      }
      expect([await shown(), at(3).lost.aborted]).toEqual([[true, true, true, true], false]);
    });
  });
});

describe('heartbeats', () => {
  const held = { org: 'acme', iss: 'x', jti: 'y', fence: 1 };

  it('lose nothing where the database does not answer', async () => {
    const heartbeats = new Heartbeats({ beat: () => Promise.reject(new Error('gone')) } as never);
    const lease = new Lease({ claims: { begin: async () => true, beat: async () => true }, heartbeats, endings }, held);
    await lease.begin();
    await heartbeats.beat();
    expect(lease.lost.aborted).toBe(false);
    await lease.abandon();
  });

  it('take no claim from a run that ended while the database was asked [guard: heartbeats-ended]', async () => {
    const { promise: signs, resolve } = Promise.withResolvers<'lost'[]>();
    const heartbeats = new Heartbeats({ beat: () => signs } as never);
    const lease = new Lease({ claims: { begin: async () => true, beat: async () => true }, heartbeats, endings }, held);
    await lease.begin();
    const beaten = heartbeats.beat();
    await lease.abandon();
    resolve(['lost']);
    await beaten;
    expect(lease.lost.aborted).toBe(false);
  });

  it('come again soon where the database did not answer, as long as there is a run', async () => {
    jest.useFakeTimers();
    try {
      let asked = 0;
      const heartbeats = new Heartbeats({ beat: async () => (asked++, Promise.reject(new Error('gone'))) } as never);
      const claims = { begin: async () => true, beat: async () => true };
      const lease = new Lease({ claims, heartbeats, endings }, held);
      await lease.begin();
      await jest.advanceTimersByTimeAsync(BEAT_MS + 2 * AGAIN_MS);
      expect([asked, lease.lost.aborted]).toEqual([3, false]);
      await lease.abandon();
      await jest.advanceTimersByTimeAsync(3 * BEAT_MS);
      expect(asked).toBe(3);
    } finally {
      jest.useRealTimers();
    }
  });

  it('go on as long as there is a run, and no longer', async () => {
    jest.useFakeTimers();
    try {
      const asked: number[] = [];
      const beat = async (all: readonly Held[]) => (asked.push(all.length), all.map(() => 'shown' as const));
      const heartbeats = new Heartbeats({ beat } as never);
      const claims = { begin: async () => true, beat: async () => true };
      const [first, second] = [held, held].map((of) => new Lease({ claims, heartbeats, endings }, of)) as [
        Lease,
        Lease,
      ];
      await first.begin();
      await second.begin();
      await jest.advanceTimersByTimeAsync(BEAT_MS);
      await first.abandon();
      await jest.advanceTimersByTimeAsync(BEAT_MS);
      await second.abandon();
      await jest.advanceTimersByTimeAsync(3 * BEAT_MS);
      expect(asked).toEqual([2, 1]);
    } finally {
      jest.useRealTimers();
    }
  });
});
