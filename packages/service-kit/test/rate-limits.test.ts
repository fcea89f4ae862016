import { mintId } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Clock, EventLog } from '../src/index.js';
import { CallerBuckets, RATES } from '../src/limits/rates.js';
import { RedisStore } from '../src/limits/redis-store.js';
import type { TestResponse } from '../src/testing.js';
import type { TestRedis } from './redis-server.js';
import { describeWithRedis, startRedis } from './redis-server.js';
import type { Tiny, TinyOptions } from './tiny-vault.js';
import { startTiny } from './tiny-vault.js';

const silent = new EventLog({ service: 'tiny', level: 'silent' });
const PATH = '/api/v1/prompts';
const running: Tiny[] = [];
const start = async (options: TinyOptions): Promise<Tiny> => {
  const tiny = await startTiny(options);
  running.push(tiny);
  return tiny;
};
afterEach(async () => {
  for (const tiny of running.splice(0)) await tiny.stop();
});

const statuses = (answers: readonly TestResponse[]) => answers.map(({ status }) => status);
const inTurn = async (times: number, ask: () => Promise<TestResponse>): Promise<TestResponse[]> => {
  const answers: TestResponse[] = [];
  while (answers.length < times) answers.push(await ask());
  return answers;
};
const rows = async ({ database }: Tiny) =>
  await database.db.selectFrom('audit_event').selectAll().orderBy('at').execute();

describe('a key', () => {
  it('that asks too often is told when to come back, in an answer that is signed and written down [guard: limit-keys]', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 } });
    expect(statuses(await inTurn(6, () => tiny.owner.get(PATH)))).toEqual([200, 200, 200, 200, 200, 200]);
    const refused = await tiny.owner.get(PATH);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'rate_limited', retryable: true });
    expect(refused.headers['ratelimit-policy']).toBe('"key";q=6;w=6');
    expect(refused.headers['ratelimit']).toMatch(/^"key";r=0;t=[1-6]$/);
    expect(refused.headers['retry-after']).toMatch(/^[1-6]$/);
    await expect(tiny.owner.verify(refused, tiny.acme.trust, tiny.acme.vault.urn)).resolves.toBeUndefined();
    expect((await rows(tiny)).at(-1)?.event).toMatchObject({ act: 'prompt.list', res: 'denied', why: 'rate_limited' });
  });

  it('leaves others what is theirs [guard: limit-others]', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 } });
    await inTurn(9, () => tiny.owner.get(PATH));
    expect(await tiny.auditor.get(PATH)).toMatchObject({ status: 200 });
    expect(await tiny.clientOf(tiny.other.owner).get(PATH)).toMatchObject({ status: 200 });
  });

  it('that floods gets no signature and no row for each [guard: limit-flood]', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 } });
    await inTurn(12, () => tiny.owner.get(PATH));
    const before = (await rows(tiny)).length;
    const flood = await inTurn(5, () => tiny.owner.get(PATH));
    expect(statuses(flood)).toEqual([429, 429, 429, 429, 429]);
    expect(flood.map(({ headers }) => headers['signature'])).toEqual(Array(5).fill(undefined));
    expect(flood[0]?.headers['retry-after']).toMatch(/^[1-6]$/);
    expect(await rows(tiny)).toHaveLength(before);
    tiny.clock.advance(60);
    await tiny.service.close();
    expect((await rows(tiny)).at(-1)?.event).toMatchObject({ why: 'rate_limited', obj: { count: 5 } });
  });

  it('that is refused has used up its signature', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 } });
    await inTurn(6, () => tiny.owner.get(PATH));
    const thing = { id: mintId('prm'), name: 'claims/triage', type: 'text' };
    const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
    expect(await tiny.owner.post(PATH, thing, { nonce })).toMatchObject({ status: 429 });
    const { db } = tiny.database;
    expect(await db.selectFrom('http_nonce').select('nonce').execute()).toEqual([{ nonce }]);
  });

  it('is free again when the window is over', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1 } });
    await inTurn(8, () => tiny.owner.get(PATH));
    tiny.clock.advance(7);
    expect(await tiny.owner.get(PATH)).toMatchObject({ status: 200 });
  });
});

describe('an organisation', () => {
  it('that asks too often waits, whoever of it asks, and others do not [guard: limit-organisation]', async () => {
    const tiny = await start({ rates: { organisationPerSecond: 1 } });
    await inTurn(3, () => tiny.owner.get(PATH));
    await inTurn(3, () => tiny.auditor.get(PATH));
    const refused = await tiny.owner.get(PATH);
    expect(refused).toMatchObject({ status: 429, headers: { 'ratelimit-policy': '"organisation";q=6;w=6' } });
    expect(await tiny.clientOf(tiny.other.owner).get(PATH)).toMatchObject({ status: 200 });
  });

  it('loses nothing to what one of its keys is refused', async () => {
    const tiny = await start({ rates: { keyPerSecond: 1, organisationPerSecond: 2 } });
    await inTurn(20, () => tiny.owner.get(PATH));
    expect(statuses(await inTurn(6, () => tiny.auditor.get(PATH)))).toEqual([200, 200, 200, 200, 200, 200]);
  });
});

it('a body costs by its length, and the largest no more than a key may spend', () => {
  const pointsOf = (bytes: number, rates = RATES) =>
    new CallerBuckets(rates).chargesOf(bytes).map(({ points }) => points);
  expect(pointsOf(12 * 1024 - 1)).toEqual([1, 1]);
  expect(pointsOf(1024 * 1024)).toEqual([86, 86]);
  expect(pointsOf(6 * 1024 * 1024)).toEqual([513, 513]);
  expect(pointsOf(6 * 1024 * 1024, { ...RATES, keyPerSecond: 1 })).toEqual([6, 513]);
});

describeWithRedis('over one Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.drop());
  const stores: RedisStore[] = [];
  afterEach(async () => {
    await redis.restart();
    for (const store of stores.splice(0)) await store.close();
    await redis.admin.flushall();
  });
  const connect = async () => {
    const store = new RedisStore({ url: redis.url, prefix: 'bulla:tiny:', clock: new Clock(), log: silent });
    stores.push(store);
    await store.whenReady(10_000);
    return store;
  };
  const startTwo = async () => {
    // Six of a minute, so that no slow machine sees them return.
    const rates = { keyPerSecond: 0.1, windowSeconds: 60 };
    const first = await start({ store: await connect(), rates });
    const second = await start({ store: await connect(), rates, like: first });
    return [first, second] as const;
  };

  it('two processes have one limit together', async () => {
    const [first, second] = await startTwo();
    expect(statuses(await inTurn(4, () => first.owner.get(PATH)))).toEqual([200, 200, 200, 200]);
    expect(statuses(await inTurn(3, () => second.owner.get(PATH)))).toEqual([200, 200, 429]);
    expect(await first.owner.get(PATH)).toMatchObject({ status: 429 });
  });

  it.each([
    ['ends', () => redis.kill(), () => redis.restart()],
    ['hangs', async () => redis.hang(), async () => redis.goOn()],
  ])('each counts for itself when it %s, and none of them fails', async (_name, fail, mend) => {
    const [first, second] = await startTwo();
    await inTurn(3, () => first.owner.get(PATH));
    await fail();
    // What was counted there is gone with it; from here on each process gives out its own points, and no more.
    expect(statuses(await inTurn(8, () => first.owner.get(PATH)))).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
    expect(statuses(await inTurn(7, () => second.owner.get(PATH)))).toEqual([200, 200, 200, 200, 200, 200, 429]);
    await mend();
  });

  it('limits begin anew when it is emptied', async () => {
    const [first] = await startTwo();
    await inTurn(7, () => first.owner.get(PATH));
    await redis.admin.flushall();
    expect(statuses(await inTurn(7, () => first.owner.get(PATH)))).toEqual([200, 200, 200, 200, 200, 200, 429]);
  });

  it('each counts for itself when it is full, and skips nothing', async () => {
    const [first] = await startTwo();
    await redis.admin.config('SET', 'maxmemory', '1');
    const answers = await inTurn(7, () => first.owner.get(PATH));
    await redis.admin.config('SET', 'maxmemory', '0');
    expect(statuses(answers)).toEqual([200, 200, 200, 200, 200, 200, 429]);
  });

  it('nothing but counts of public ids and hashes stands there', async () => {
    const [first] = await startTwo();
    await first.owner.get(PATH);
    await first.owner.get(PATH, { tamper: ({ headers }) => (headers['signature'] = 'bulla=:AAAA:') });
    const keys = (await redis.admin.keys('*')).toSorted();
    expect(keys).toEqual([
      expect.stringMatching(/^bulla:tiny:limit:failures:[\w-]{22}$/),
      `bulla:tiny:limit:key:acme:${first.acme.owner.sig.kid}`,
      'bulla:tiny:limit:organisation:acme',
    ]);
    expect(await Promise.all(keys.map((key) => redis.admin.get(key)))).toEqual(['1', '1', '1']);
  });
});
