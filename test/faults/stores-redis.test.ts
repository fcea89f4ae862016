import { makeOrganisation } from '@bulla/crypto/testing';
import { mintId } from '@bulla/crypto';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithRedis, startRedis, type TestRedis } from '../../packages/service-kit/test/redis-server.js';
import { expectSurvival, ready, until } from './fault-watch.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { spawnService, startService } from './service-process.js';
import { send, signedMessage } from './signed-requests.js';
import { startVaultWorld, vaultSettings, type VaultWorld } from './vault-world.js';

// Redis holds nothing whose loss matters: whatever becomes of it, both services go on, and what was used once stays used.

const databases = [await databaseForTest(), await databaseForTest()];
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withRedis = vaultUrl === '' ? describe.skip : describeWithRedis;
afterAll(async () => {
  for (const database of databases) await database.drop();
});

withRedis('a vault whose Redis', () => {
  let redis: TestRedis;
  let world: VaultWorld;
  beforeAll(async () => {
    redis = await startRedis();
    world = await startVaultWorld(vaultUrl, { BULLA_REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await world.stop();
    await redis.drop();
  });

  const lost = () => world.vault.events('shared-store-lost').map((line) => line['errorCode']);
  const back = () => world.vault.events('shared-store-back').length;

  /** Goes through a fault of which the log says when it began, by a code, and that it is over. */
  async function expectNoticed(
    begin: () => Promise<unknown>,
    end: () => Promise<unknown>,
    codes: RegExp,
  ): Promise<void> {
    const [lostBefore, backBefore] = [lost().length, back()];
    const author = await expectSurvival(world, vaultUrl, {
      begin: async () => void (await begin()),
      unready: false,
      async during(one) {
        await until('noticed', () => lost().length > lostBefore);
        const written = one.acknowledged.length;
        await until('writes all the same', () => one.acknowledged.length > written);
      },
      async end() {
        await end();
        await until('back', () => back() > backBefore);
      },
    });
    expect(lost()[lostBefore]).toMatch(codes);
    expect([author.refusals, author.lost]).toEqual([[], []]);
  }

  it('is down (F23)', () =>
    expectNoticed(
      () => redis.kill(),
      () => redis.restart(),
      // By whichever of its commands it is noticed: one that was sent, or one that waits for the connection.
      /^store_(late|unavailable)$/,
    ));

  it('hangs (F27)', () =>
    expectNoticed(
      async () => redis.hang(),
      async () => redis.goOn(),
      /^store_(late|unavailable)$/,
    ));

  it('has no room and evicts nothing (F26)', () =>
    expectNoticed(
      () => redis.admin.config('SET', 'maxmemory', '1'),
      () => redis.admin.config('SET', 'maxmemory', '0'),
      /^store_full$/,
    ));

  it('is emptied takes no signature a second time (F24)', async () => {
    const body = { id: mintId('prm'), name: 'redis/emptied', type: 'text' };
    const { author } = world.organisation;
    const message = await signedMessage(world.vault.url, author, 'POST', '/api/v1/prompts', { body });
    expect((await send(world.vault.url, message)).status).toBe(201);
    await redis.admin.flushall();
    expect(await send(world.vault.url, message)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });
});

withRedis('a responder whose Redis', () => {
  let redis: TestRedis;
  let world: ResponderWorld;
  beforeAll(async () => {
    redis = await startRedis();
    world = await startResponderWorld(responderUrl, { BULLA_REDIS_URL: redis.url });
  });
  afterAll(async () => {
    await world.stop();
    await redis.drop();
  });

  it.each([
    ['is emptied', () => redis.admin.flushall(), () => undefined],
    ['is down', () => redis.kill(), () => redis.restart()],
  ])('%s takes no envelope a second time (F24)', async (_name, fault, mend) => {
    const first = await world.question();
    expect(await world.outcome(first, await world.send(first))).toMatchObject({ kind: 'answer' });
    await fault();
    const second = await world.question({ envelope: { jti: first.envelope.jti } });
    expect(await world.outcome(second, await world.send(second))).toMatchObject({
      kind: 'problem',
      status: 409,
      code: 'envelope_replayed',
    });
    expect(world.upstream.completionsOf(second.question.jti).started).toBe(0);
    await mend();
  });
});

withRedis('in production, a Redis that evicts (F25)', () => {
  let redis: TestRedis;
  let folder: Awaited<ReturnType<typeof vaultSettings>>;
  let settings: Record<string, string>;
  beforeAll(async () => {
    redis = await startRedis();
    folder = await vaultSettings(await makeOrganisation({ profile: 'production' }), vaultUrl);
    settings = { ...folder.settings, BULLA_REDIS_URL: redis.url, NODE_ENV: 'production' };
  });
  afterAll(async () => {
    await folder.remove();
    await redis.drop();
  });

  it('is refused at the start, and makes a vault that runs not ready', async () => {
    const vault = await startService('vault', settings);
    expect(await ready(vault.url)).toBe(200);
    await redis.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await until('not ready', async () => (await ready(vault.url)) === 503);
    const late = spawnService('vault', settings);
    expect(await late.ended).toBe(78);
    expect(late.output()).toContain('bulla: error: BULLA_REDIS_URL: the Redis it names drops keys');
    await redis.admin.config('SET', 'maxmemory-policy', 'noeviction');
    await until('ready again', async () => (await ready(vault.url)) === 200);
    expect(await vault.stop()).toBe(0);
  });
});
