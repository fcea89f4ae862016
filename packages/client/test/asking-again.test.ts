import { parseInvocation } from '@bulla/crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Problem } from '@bulla/contract';
import { openInvocation } from '@bulla/crypto/open';
import { pauseless } from './pauseless.js';
import type { World } from './world.js';
import { draftOf, makeWorld } from './world.js';

const NAME = 'claims/triage';
const VARS = { claim: 'water' };
let world: World;
let startedAt: number;
beforeAll(async () => {
  world = await makeWorld();
  startedAt = world.clock.seconds;
  await (await world.client()).prompts.push(NAME, 'text', draftOf('Sort {{claim}}'), ['production']);
});
afterAll(() => world.stop());
afterEach(() => {
  delete world.responder.service.lies['invocation.run'];
  world.clock.seconds = startedAt;
});

const tried = () => world.responder.service.of('invocation.run');
const atWork = () => new Problem('indeterminate', { retryAfterSeconds: 0 });

/** Answers as told for the first tries, then honestly. @returns how many came */
function lie(...refusals: (() => Problem)[]): () => number {
  let tries = 0;
  world.responder.service.lies['invocation.run'] = (incoming) => {
    const refusal = refusals[tries++];
    if (refusal !== undefined) throw refusal();
    return world.responder.run(incoming);
  };
  return () => tries;
}

/** A fetch whose requests to the responder fail as told, then go through. */
function failing(codes: readonly string[]): { fetch: typeof fetch; tries: () => number } {
  let tries = 0;
  return {
    tries: () => tries,
    fetch: (input, init) => {
      if (!new Request(input).url.endsWith('/invocations')) return fetch(input, init);
      const code = codes[tries++];
      if (code === undefined) return fetch(input, init);
      return Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }));
    },
  };
}

describe('a question whose first try may have reached the responder', () => {
  it('is sent again, the same bytes under one key, for as long as the responder is at work on it', async () => {
    const count = lie(atWork, atWork, atWork, atWork, atWork, atWork);
    const before = tried().length;
    expect((await (await world.client()).prompt(NAME).run(VARS)).text).toBe('water');
    const sent = tried().slice(before);
    expect([count(), new Set(sent.map(({ body }) => body)).size]).toEqual([7, 1]);
    expect(new Set(sent.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(sent.map(({ headers }) => headers['signature'])).size).toBe(7);
  });

  it('is sent again while the responder is gone, more often than a request that never came to it', async () => {
    const cut = failing(['ECONNRESET', 'ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']);
    const bulla = await world.client(undefined, { fetch: cut.fetch, retries: 1 });
    const pauses: number[] = [];
    expect((await pauseless(() => bulla.prompt(NAME).run(VARS), pauses)).text).toBe('water');
    // A second each while it is gone.
    expect(pauses).toEqual([1_000, 1_000, 1_000, 1_000]);
    const never = failing(Array.from({ length: 5 }, () => 'ECONNREFUSED'));
    const other = await world.client(undefined, { fetch: never.fetch, retries: 1 });
    const failed = pauseless(() => other.prompt(NAME).run(VARS));
    await expect(failed).rejects.toMatchObject({ code: 'transport_failed' });
    expect([cut.tries(), never.tries()]).toEqual([5, 2]);
  });

  it('is not sent again once nobody would know its answer, a quarter of an hour after its envelope', async () => {
    const later = () => {
      world.clock.seconds += 120 + 15 * 60;
      return atWork();
    };
    const count = lie(atWork, later, atWork);
    const bulla = await world.client();
    await expect(bulla.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'indeterminate' });
    expect(count()).toBe(2);
  });

  it('is not sent again when its caller has waited long enough, or wants one try', async () => {
    const count = lie(...Array.from({ length: 9 }, () => atWork));
    const bulla = await world.client();
    await expect(bulla.prompt(NAME).run(VARS, { timeoutMs: 1 })).rejects.toMatchObject({ retryable: true });
    const once = await world.client(undefined, { retries: 0 });
    await expect(once.prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'indeterminate' });
    expect(count()).toBeLessThanOrEqual(2);
  });

  it('is never asked anew when its end is not known', async () => {
    const before = tried().length;
    lie(() => new Problem('indeterminate'));
    await expect((await world.client()).prompt(NAME).run(VARS)).rejects.toMatchObject({
      code: 'indeterminate',
      retryable: false,
    });
    expect(tried().length - before).toBe(1);
  });
});

describe('a question that came too late and never ran', () => {
  const expired = () => new Problem('envelope_expired');

  it('is asked anew, once: a new envelope, and a new question that names the first', async () => {
    lie(expired);
    const before = tried().length;
    expect((await (await world.client()).prompt(NAME).run(VARS)).text).toBe('water');
    const sent = tried()
      .slice(before)
      .map(({ body }) => JSON.parse(body) as { inv: string; bundle: { env: string } });
    expect(new Set(sent.map(({ bundle }) => bundle.env)).size).toBe(2);
    const unwrapper = await world.organisation.responders[0].unwrapper();
    const opened = await Promise.all(sent.map(({ inv }) => openInvocation(parseInvocation(inv), unwrapper)));
    const [first, second] = opened.map(({ inner }) => inner.claims);
    expect([first?.retry_of, second?.retry_of]).toEqual([undefined, first?.jti]);
    expect(second?.jti).not.toBe(first?.jti);
  });

  it('is given up when that is too late as well: a clock is wrong', async () => {
    const count = lie(expired, expired, expired);
    await expect((await world.client()).prompt(NAME).run(VARS)).rejects.toMatchObject({ code: 'envelope_expired' });
    expect(count()).toBe(2);
  });
});
