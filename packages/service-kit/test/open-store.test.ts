import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock, EventLog, SettingsError } from '../src/index.js';
import { MemoryStore } from '../src/limits/memory-store.js';
import { openStore } from '../src/limits/open-store.js';
import type { SharedStore } from '../src/limits/shared-store.js';
import type { TestRedis } from './redis-server.js';
import { describeWithRedis, startRedis } from './redis-server.js';
import type { Tiny } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

let lines: string[] = [];
const log = new EventLog({ service: 'tiny', level: 'debug', stream: { write: (line) => void lines.push(line) } });
const open = (url: string | undefined, production: boolean) =>
  openStore({ url, service: 'vault', production, clock: new Clock(), log });
const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  lines = [];
  for (const one of opened.splice(0)) await one.close();
});
const kept = <Store extends SharedStore>(store: Store): Store => {
  opened.push(store);
  return store;
};

describe('without a Redis', () => {
  it('a process has its own memory', async () => {
    expect(await open(undefined, true)).toBeInstanceOf(MemoryStore);
    expect(events()).toEqual([]);
  });

  it('that is named but not there, a service starts, and says that limits are each process’s own', async () => {
    kept(await open('redis://127.0.0.1:1', true));
    expect(events()).toEqual(['shared-store-lost', 'redis-policy-unknown']);
  });
});

describeWithRedis('a Redis that evicts', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.drop());
  const evict = (policy: string) => redis.admin.config('SET', 'maxmemory-policy', policy);

  it('is refused in production, before anything listens', async () => {
    await evict('allkeys-lru');
    await expect(open(redis.url, true)).rejects.toMatchObject({
      name: SettingsError.name,
      exitCode: 78,
      message: expect.stringMatching(/^BULLA_REDIS_URL: .*maxmemory-policy to noeviction$/),
    });
  });

  it('is said in one line elsewhere', async () => {
    await evict('volatile-lru');
    kept(await open(redis.url, false));
    expect(events()).toEqual(['redis-evicts']);
  });

  it('is no news when it does not', async () => {
    await evict('noeviction');
    kept(await open(redis.url, true));
    expect(events()).toEqual([]);
  });

  it('makes a service in production not ready; one that is away does not', async () => {
    await evict('noeviction');
    const store = kept(await open(redis.url, true));
    const tiny: Tiny = await startTiny({ store, production: true, clock: new Clock() });
    opened.push({ close: () => tiny.stop() });
    const { port } = await tiny.service.listen();
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).json();
    const until = async (status: string) => {
      while (((await ready()) as { status: string }).status !== status);
      return ready();
    };
    expect(await until('ok')).toMatchObject({ checks: [{ name: 'database' }, { name: 'redis', ok: true }] });
    await evict('allkeys-random');
    expect(await until('unavailable')).toMatchObject({ checks: [{ ok: true }, { name: 'redis', ok: false }] });
    await redis.kill();
    expect(await until('ok')).toMatchObject({ checks: [{ ok: true }, { name: 'redis', ok: true }] });
    await redis.restart();
  });
});
