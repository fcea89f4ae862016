import { describe, expect, it } from '@jest/globals';
import {
  callOf,
  DOWN,
  fault,
  http,
  LIMITED,
  registryOf,
  ROLE,
  run,
  Scripted,
  SLOW,
  WAIT,
} from '../../../test/scripted-model.js';

describe('a name with a fallback', () => {
  it.each([
    ['is not there', DOWN],
    ['is too slow', SLOW],
    ['limits the rate', LIMITED(60)],
    ['fails', http(500)],
    ['does not know our key', fault({ cause: 'http_status', status: 401 }, 'upstream_auth')],
    ['does not know the model', http(404)],
    ['speaks rubbish', fault({ cause: 'not_completions' })],
  ])('is answered by it where its own server %s, at once and by one attempt each', async (_name, error) => {
    const [one, other] = [new Scripted('one', [[error]]), new Scripted('other', [['fine']])];
    const call = callOf(registryOf([one], [other]));
    expect(await run(call)).toEqual({ text: 'fine', models: ['other-model'] });
    expect([call.host, call.upstream]).toEqual(['other', 'other']);
    expect(call.attempts).toEqual([
      { upstream: 'one', code: error.code, cause: error.fault?.cause, status: error.fault?.status },
      { upstream: 'other' },
    ]);
    expect(other.requests).toEqual([expect.objectContaining({ model: 'other-name', requestId: 'inv_1' })]);
  });

  it('says nothing of a server that fails after a role and before a word', async () => {
    const [one, other] = [new Scripted('one', [[ROLE, DOWN]]), new Scripted('other', [[ROLE, 'fine']])];
    expect(await run(callOf(registryOf([one], [other])))).toEqual({ text: 'fine', models: ['other-model'] });
  });

  it('asks nobody else once there is a word', async () => {
    const [one, other] = [new Scripted('one', [['half', DOWN]]), new Scripted('other', [['fine']])];
    const call = callOf(registryOf([one], [other]));
    expect(await run(call)).toEqual({ text: 'half', models: ['one-model'], error: DOWN });
    expect(other.requests).toEqual([]);
    expect(call.host).toBe('one');
  });

  it('does not ask another to be less careful where an answer was withheld [guard: withheld-is-final]', async () => {
    const withheld = fault({ cause: 'withheld' });
    const [one, other] = [new Scripted('one', [[withheld]]), new Scripted('other', [['fine']])];
    expect(await run(callOf(registryOf([one], [other])))).toMatchObject({ text: '', error: withheld });
    expect(other.requests).toEqual([]);
  });

  it('asks first who did not name a time to come back', async () => {
    const [one, other] = [new Scripted('one', [[LIMITED(60)]]), new Scripted('other', [['fine']])];
    const registry = registryOf([one], [other]);
    await run(callOf(registry));
    for (let count = 0; count < 3; count += 1)
      expect(await run(callOf(registry))).toEqual({ text: 'fine', models: ['other-model'] });
    expect(one.requests).toHaveLength(1);
  });

  it('leaves a server alone that failed five times, and the fallback answers without a wait for it', async () => {
    const [one, other] = [new Scripted('one', [[SLOW]]), new Scripted('other', [['fine']])];
    const registry = registryOf([one], [other]);
    for (let count = 0; count < 8; count += 1) await run(callOf(registry));
    expect([one.requests.length, other.requests.length]).toEqual([5, 8]);
  });

  it('goes past a server whose places are all taken', async () => {
    const [one, other] = [new Scripted('one', [['a', WAIT]], 1), new Scripted('other', [['fine']])];
    const registry = registryOf([one], [other]);
    const leaving = new AbortController();
    const first = run(callOf(registry), leaving.signal);
    while (one.open === 0) await new Promise((resolve) => setImmediate(resolve));
    const second = callOf(registry);
    expect(await run(second)).toEqual({ text: 'fine', models: ['other-model'] });
    expect(second.attempts[0]).toMatchObject({ upstream: 'one', cause: 'full' });
    leaving.abort(new Error('left'));
    await first;
    expect(one.open).toBe(0);
  });
});

describe('all servers behind a name', () => {
  it('that are down end it with the error of the last, after three rounds', async () => {
    const [one, other] = [new Scripted('one', [[http(500)]]), new Scripted('other', [[DOWN]])];
    const call = callOf(registryOf([one], [other]));
    expect(await run(call)).toEqual({ text: '', models: [], error: DOWN });
    expect(call.attempts.map(({ upstream }) => upstream)).toEqual(['one', 'other', 'one', 'other', 'one', 'other']);
    expect(call.host).toBe('other');
  });

  it('are asked again, those alone that may recover', async () => {
    const [one, other] = [new Scripted('one', [[http(404)]]), new Scripted('other', [[DOWN], ['fine']])];
    const call = callOf(registryOf([one], [other]));
    expect(await run(call)).toEqual({ text: 'fine', models: ['other-model'] });
    expect(call.attempts.map(({ upstream }) => upstream)).toEqual(['one', 'other', 'other']);
  });

  it('get no more retries than a tenth of the questions', async () => {
    const one = new Scripted('one', [[http(429)]]);
    const registry = registryOf([one]);
    for (let count = 0; count < 20; count += 1) await run(callOf(registry));
    // Twenty questions, ten retries from the start, and one for ten of the questions each.
    expect(one.requests.length).toBeGreaterThan(20);
    expect(one.requests.length).toBeLessThanOrEqual(20 + 10 + 2);
  });

  it('are blamed for what one of them did, and not for one that nobody asked', async () => {
    const [one, other] = [new Scripted('one', [[http(404)]]), new Scripted('other', [['a', WAIT]], 1)];
    const registry = registryOf([one], [other]);
    const leaving = new AbortController();
    const first = run(callOf(registry), leaving.signal);
    while (other.open === 0) await new Promise((resolve) => setImmediate(resolve));
    const call = callOf(registry);
    expect(await run(call)).toMatchObject({ error: { fault: { status: 404 } } });
    expect(call.host).toBe('one');
    leaving.abort(new Error('left'));
    await first;
  });
});

describe('a server that names a time', () => {
  it('is asked again then, and not before', async () => {
    const one = new Scripted('one', [[LIMITED(1)], ['fine']]);
    const startedMs = performance.now();
    expect(await run(callOf(registryOf([one])))).toMatchObject({ text: 'fine' });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990);
  });

  it('is not asked again by this run where that is long [guard: retry-after-max]', async () => {
    const one = new Scripted('one', [[LIMITED(6)], ['fine']]);
    expect(await run(callOf(registryOf([one])))).toMatchObject({ error: { code: 'upstream_rate_limited' } });
    expect(one.requests).toHaveLength(1);
  });

  it('is not asked again after the end of the run [guard: retry-deadline]', async () => {
    const one = new Scripted('one', [[LIMITED(2)], ['fine']]);
    const call = callOf(registryOf([one], [], { timeoutMs: 1_000 }));
    expect(await run(call)).toMatchObject({ error: { code: 'upstream_rate_limited' } });
    expect(one.requests).toHaveLength(1);
  });
});
