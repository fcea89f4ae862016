import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintId } from '@bulla/crypto';
import type { TestDatabase } from '@bulla/testkit';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Author } from './author.js';
import { ready, until } from './fault-watch.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';
import { findFaketime, ShiftedClock } from './shifted-clock.js';
import { call } from './signed-requests.js';
import { startVaultWorld, type VaultWorld } from './vault-world.js';

// Wall clocks that are wrong, and that jump while a service runs. The clock of the machine stays what it is.

const library = findFaketime();
const databases: TestDatabase[] = [await databaseForTest(), await databaseForTest()];
const [vaultUrl = '', responderUrl = ''] = databases.map(({ url }) => url ?? '');
const withClock = library === undefined || vaultUrl === '' ? describe.skip : describe;
const folder = await mkdtemp(join(tmpdir(), 'bulla-clock-'));
const HOUR_SECONDS = 3_600;
const present = () => Math.floor(Date.now() / 1000);
afterAll(async () => {
  await rm(folder, { recursive: true });
  for (const database of databases) await database.drop();
});

const newPrompt = () => ({ id: mintId('prm'), name: `clock/p-${mintId('prm').slice(4)}`, type: 'text' });

withClock('a vault', () => {
  const clock = new ShiftedClock(library ?? '', folder);
  let world: VaultWorld;
  beforeAll(async () => {
    world = await startVaultWorld(vaultUrl, clock.environment);
  });
  afterEach(() => clock.shift('+0'));
  afterAll(() => world.stop());

  const create = (signedAt = present()) =>
    call(world.vault.url, world.organisation.author, 'POST', '/api/v1/prompts', { body: newPrompt(), signedAt });

  it.each([
    ['two hours ahead of its database', '+2h', 2 * HOUR_SECONDS],
    ['an hour behind it', '-1h', -HOUR_SECONDS],
  ])(
    'whose clock jumps to %s is not ready, says so to clients, and is well again (F29)',
    async (_name, shift, seconds) => {
      const { url } = world.vault;
      const author = new Author(url, world.organisation);
      await author.write();
      const drifted = world.vault.events('clock-drifted').length;
      clock.shift(shift);
      await until('not ready', async () => (await ready(url)) === 503);
      await until('said', async () => world.vault.events('clock-drifted').length > drifted);
      const refused = await create();
      expect(refused).toMatchObject({ status: 401, body: { code: 'clock_skew' } });
      const { time } = refused.body as { time: string };
      expect(Math.abs(Date.parse(time) / 1000 - (present() + seconds))).toBeLessThan(60);
      clock.shift('+0');
      await until('ready again', async () => (await ready(url)) === 200);
      await author.write();
      expect([author.refusals, await author.missing()]).toEqual([[], []]);
      const durations = world.vault.events('request-finished').map((line) => Number(line['durationMs']));
      expect(durations.every((ms) => ms >= 0 && ms < 60_000)).toBe(true);
    },
  );

  it.each([
    ['half a minute behind', -30, 201, undefined],
    ['half a minute ahead', 30, 201, undefined],
    ['two hours behind', -2 * HOUR_SECONDS, 401, 'clock_skew'],
    ['two hours ahead', 2 * HOUR_SECONDS, 401, 'clock_skew'],
  ])('of a client whose clock is %s takes or refuses what it sends (F30)', async (_name, seconds, status, code) => {
    const answer = await create(present() + seconds);
    expect([answer.status, (answer.body as { code?: string }).code]).toEqual([status, code]);
  });
});

withClock('a responder', () => {
  const clock = new ShiftedClock(library ?? '', folder);
  let world: ResponderWorld;
  beforeAll(async () => {
    world = await startResponderWorld(responderUrl, { ...clock.environment, BULLA_LLM_TIMEOUT_MS: '8000' });
  });
  afterEach(() => clock.shift('+0'));
  afterAll(() => world.stop());

  it.each([
    // Leases go by the time of the database, and with another time nothing is said of them.
    ['+5m', 300, { status: 503, body: { code: 'overloaded', retryable: true } }],
    ['+50s', 50, { status: 409, body: { code: 'indeterminate', retryable: true } }],
    ['+2h', 2 * HOUR_SECONDS, { status: 403, body: { code: 'envelope_expired' } }],
    ['-1h', -HOUR_SECONDS, { status: 401, body: { code: 'clock_skew' } }],
  ])(
    'whose clock jumps %s in the middle of a run keeps its claim and ends it well (F29)',
    async (shift, seconds, told) => {
      world.upstream.follow({ replies: { tokens: ['a ', 'whole ', 'answer'], delayBeforeHeadersMs: 1_500 } });
      const asked = await world.question();
      const first = world.send(asked);
      await world.upstream.arrival(world.upstream.requests.length);
      clock.shift(shift);
      const again = await call(world.responder.url, world.organisation.invoker, 'POST', '/api/v1/invocations', {
        body: asked.body,
        signedAt: present() + seconds,
      });
      clock.shift('+0');
      expect(again).toMatchObject(told);
      expect(await world.outcome(asked, await first)).toMatchObject({ kind: 'answer', text: 'a whole answer' });
      expect(await world.send(asked)).toMatchObject({ status: 200, headers: { 'idempotent-replayed': '?1' } });
      expect(world.upstream.completionsOf(asked.question.jti)).toEqual({ started: 1, finished: 1 });
      const finished = world.responder.events('run-finished').at(-1);
      expect([Number(finished?.['durationMs']) >= 0, Number(finished?.['durationMs']) < 60_000]).toEqual([true, true]);
    },
  );
});
