import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock, EventLog } from '../src/index.js';
import { MemoryStore } from '../src/limits/memory-store.js';
import { RedisStore } from '../src/limits/redis-store.js';
import type { SharedStore } from '../src/limits/shared-store.js';
import { TestClock } from '../src/testing.js';
import type { TestRedis } from './redis-server.js';
import { describeWithRedis, startRedis } from './redis-server.js';

const BUCKET = { name: 'key', points: 3, windowSeconds: 60 };
const silent = new EventLog({ service: 'test', level: 'silent' });

/** What both stores do alike. */
function behavesAsStore(open: () => Promise<SharedStore>): void {
  let store: SharedStore;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  it('gives the points of a bucket out once', async () => {
    expect(await store.take(BUCKET, 'a', 1)).toMatchObject({ allowed: true, remaining: 2, flooded: false });
    expect(await store.take(BUCKET, 'a', 2)).toMatchObject({ allowed: true, remaining: 0, flooded: false });
    const refused = await store.take(BUCKET, 'a', 1);
    expect(refused).toMatchObject({ allowed: false, remaining: 0, flooded: false });
    expect(refused.resetMs).toBeGreaterThan(50_000);
    expect(refused.resetMs).toBeLessThanOrEqual(60_000);
  });

  it('gives no more than there are to fifty who ask at the same moment', async () => {
    const taken = await Promise.all(Array.from({ length: 50 }, async () => store.take(BUCKET, 'race', 1)));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(3);
  });

  it('refuses what costs more than is left, and keeps the buckets of others full', async () => {
    expect(await store.take(BUCKET, 'b', 4)).toMatchObject({ allowed: false });
    expect(await store.take(BUCKET, 'c', 3)).toMatchObject({ allowed: true });
    expect(await store.take({ ...BUCKET, name: 'organisation' }, 'b', 3)).toMatchObject({ allowed: true });
  });

  it('calls it a flood from more than twice the points on', async () => {
    for (let times = 0; times < 6; times++) expect((await store.take(BUCKET, 'd', 1)).flooded).toBe(false);
    for (let times = 0; times < 3; times++) {
      expect(await store.take(BUCKET, 'd', 1)).toMatchObject({ allowed: false, remaining: 0, flooded: true });
    }
  });

  it('fills a bucket again when its window is over', async () => {
    const short = { name: 'short', points: 1, windowSeconds: 1 };
    expect((await store.take(short, 'a', 1)).allowed).toBe(true);
    const { allowed, resetMs } = await store.take(short, 'a', 1);
    expect(allowed).toBe(false);
    await pause(resetMs + 20);
    expect((await store.take(short, 'a', 1)).allowed).toBe(true);
  });

  it('says that it does not evict', async () => {
    expect(await store.evicts()).toBe(false);
  });
}

describe('the memory of a process', () => {
  behavesAsStore(async () => new MemoryStore(new Clock()));

  it('is bounded: the oldest of a sort goes when there are too many, and takes none of another sort along', async () => {
    const store = new MemoryStore(new TestClock(0), 2);
    const other = { ...BUCKET, name: 'organisation' };
    store.take(other, 'kept', 3);
    for (const key of ['first', 'second', 'third']) store.take(BUCKET, key, 3);
    expect(store.take(other, 'kept', 1).allowed).toBe(false);
    expect(store.take(BUCKET, 'third', 1).allowed).toBe(false);
    expect(store.take(BUCKET, 'second', 1).allowed).toBe(false);
    expect(store.take(BUCKET, 'first', 1).allowed).toBe(true);
  });

  it('makes room by what is over before it forgets anything', async () => {
    const clock = new TestClock(0);
    const store = new MemoryStore(clock, 2);
    store.take(BUCKET, 'over', 3);
    clock.advance(30);
    store.take(BUCKET, 'lasting', 3);
    clock.advance(31);
    store.take(BUCKET, 'new', 3);
    expect(store.take(BUCKET, 'lasting', 1).allowed).toBe(false);
  });
});

describeWithRedis('Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.drop());

  const open = async (url = redis.url, log = silent, waitMs = 5_000) => {
    const store = new RedisStore({ url, prefix: 'bulla:test:', clock: new Clock(), log, pauseMs: 300 });
    await store.whenReady(waitMs);
    return store;
  };

  behavesAsStore(() => open());

  it('holds nothing outside its prefix', async () => {
    const store = await open();
    await store.take(BUCKET, 'x', 1);
    await store.close();
    const keys = await redis.admin.keys('*');
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith('bulla:test:'))).toEqual([]);
  });

  it('counts for two processes together', async () => {
    const [first, second] = [await open(), await open()];
    await first.take(BUCKET, 'both', 2);
    expect(await second.take(BUCKET, 'both', 1)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await first.take(BUCKET, 'both', 1)).toMatchObject({ allowed: false });
    await Promise.all([first.close(), second.close()]);
  });

  it('says so when it evicts', async () => {
    const store = await open();
    await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await store.evicts()).toBe(true);
    await redis.admin.config('SET', 'maxmemory-policy', 'volatile-ttl');
    expect(await store.evicts()).toBe(true);
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
    expect(await store.evicts()).toBe(false);
    await store.close();
  });

  describe('in trouble', () => {
    let own: TestRedis;
    let store: RedisStore;
    let lines: string[];
    beforeAll(async () => {
      own = await startRedis({ password: 'canary-password' });
    });
    afterAll(() => own.drop());
    afterEach(async () => {
      own.goOn();
      await store.close();
    });
    const begin = async (url = own.url, waitMs = 5_000) => {
      lines = [];
      const log = new EventLog({ service: 'test', level: 'debug', stream: { write: (line) => void lines.push(line) } });
      store = await open(url, log, waitMs);
    };
    const taken = () => store.take(BUCKET, `canary-${Math.random()}`, 1);
    const untilBack = async () => {
      while (!(await taken().catch(() => ({ allowed: false }))).allowed) await pause(50);
    };

    it('is late once, then refuses at once until it answers again', async () => {
      await begin();
      expect((await taken()).allowed).toBe(true);
      own.hang();
      await expect(taken()).rejects.toMatchObject({ code: 'store_late' });
      // At once means in this turn of the loop: no command was sent that could be waited for.
      const outcome = await Promise.race([
        taken().catch((error: unknown) => (error as { code: string }).code),
        pause(100, 'waited'),
      ]);
      expect(outcome).toBe('store_unavailable');
      own.goOn();
      await untilBack();
      const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
      expect(events).toEqual(['shared-store-lost', 'shared-store-back']);
    });

    it('is away: refuses at once, and is found again by itself', async () => {
      await begin();
      await own.kill();
      await expect(taken()).rejects.toMatchObject({ code: 'store_unavailable' });
      await own.restart();
      await untilBack();
      expect(lines.join('')).toContain('"event":"shared-store-back"');
    });

    it('is full: says so, and never that the points were given', async () => {
      await begin();
      await own.admin.config('SET', 'maxmemory', '1');
      await expect(taken()).rejects.toMatchObject({ code: 'store_full' });
      await own.admin.config('SET', 'maxmemory', '0');
      await untilBack();
    });

    it('does not let us in', async () => {
      await begin(own.url.replace('canary-password', 'canary-wrong'), 500);
      await expect(taken()).rejects.toMatchObject({ code: expect.stringMatching(/^store_(refused|unavailable)$/) });
    });

    it('says nothing of keys, values and passwords, in errors or in the log', async () => {
      await begin();
      own.hang();
      const error: unknown = await taken().catch((thrown: unknown) => thrown);
      own.goOn();
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).cause).toBeUndefined();
      expect(JSON.stringify([error, Object.getOwnPropertyDescriptors(error)]) + String(error)).not.toContain('canary');
      expect(lines.join('')).toContain('store_late');
      expect(lines.join('')).not.toContain('canary');
    });
  });
});
