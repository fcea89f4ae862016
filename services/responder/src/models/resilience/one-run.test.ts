import { describe, expect, it } from '@jest/globals';
import {
  callOf,
  DOWN,
  LIMITED,
  registryOf,
  ROLE,
  run,
  Scripted,
  SLOW,
  target,
  WAIT,
} from '../../../test/scripted-model.js';
import { ModelRegistry } from '../model-registry.js';

describe('a run', () => {
  it('has one deadline for all that it asks, and ends with it', async () => {
    const [one, other] = [new Scripted('one', [[WAIT]]), new Scripted('other', [['fine']])];
    const call = callOf(registryOf([one], [other], { timeoutMs: 100 }));
    expect(await run(call)).toMatchObject({
      text: '',
      error: { code: 'upstream_timeout', fault: { cause: 'too_slow' } },
    });
    expect([one.open, other.requests.length, call.host]).toEqual([0, 0, 'one']);
  });

  it.each([
    ['before a word', [[WAIT]]],
    ['in the middle', [['half', WAIT]]],
  ])('whose asker leaves %s stops the server and asks nobody else', async (_name, scripts) => {
    const [one, other] = [new Scripted('one', scripts), new Scripted('other', [['fine']])];
    const leaving = new AbortController();
    const running = run(callOf(registryOf([one], [other])), leaving.signal);
    while (one.open === 0) await new Promise((resolve) => setImmediate(resolve));
    const left = new Error('left');
    leaving.abort(left);
    expect((await running).error).toBe(left);
    expect([one.open, one.closed, other.requests.length]).toEqual([0, 1, 0]);
  });

  it('whose asker leaves between two rounds asks nobody again', async () => {
    const one = new Scripted('one', [[LIMITED(5)], ['fine']]);
    const leaving = new AbortController();
    const running = run(callOf(registryOf([one])), leaving.signal);
    while (one.closed === 0) await new Promise((resolve) => setImmediate(resolve));
    const left = new Error('left');
    leaving.abort(left);
    expect((await running).error).toBe(left);
    expect(one.requests).toHaveLength(1);
  });

  it('whose reader stops closes the server, even at the first piece', async () => {
    const one = new Scripted('one', [[ROLE, 'a', 'b']]);
    for await (const _ of callOf(registryOf([one])).stream(new AbortController().signal)) break;
    expect([one.open, one.closed]).toEqual([0, 1]);
  });

  it('goes on where a breaker opens in the middle of its answer', async () => {
    const one = new Scripted('one', [['half ', WAIT, 'a'], [SLOW]]);
    const registry = registryOf([one]);
    const leaving = new AbortController();
    const chunks = callOf(registry).stream(leaving.signal);
    expect((await chunks.next()).value).toMatchObject([{ choices: [{ delta: { content: 'half ' } }] }]);
    for (let count = 0; count < 6; count += 1) await run(callOf(registry));
    expect((await run(callOf(registry))).error).toMatchObject({ fault: { cause: 'resting' } });
    expect(one.open).toBe(1);
    await chunks.return(undefined);
    expect(one.open).toBe(0);
  });

  it('shares what is asked among equals by weight, and each takes over for the other', async () => {
    const [one, other] = [new Scripted('one', [['1']]), new Scripted('other', [['2']])];
    const registry = new ModelRegistry({
      models: new Map([['m', { targets: [{ ...target(one), weight: 3 }, target(other)] }]]),
      default: 'm',
      entropy: (max) => max - 1,
    });
    expect((await run(callOf(registry))).text).toBe('2');
    const broken = new ModelRegistry({
      models: new Map([['m', { targets: [target(one), target(new Scripted('broken', [[DOWN]]))] }]]),
      default: 'm',
      entropy: (max) => max - 1,
    });
    expect((await run(callOf(broken))).text).toBe('1');
  });

  it('knows what an answer costs where it was answered', async () => {
    const [one, other] = [new Scripted('one', [[DOWN]]), new Scripted('other', [['fine']])];
    const registry = new ModelRegistry({
      models: new Map([
        [
          'm',
          {
            targets: [{ ...target(one), price: { input: 5, output: 5 } }],
            fallbacks: [{ ...target(other), price: { input: 1, output: 2 } }],
          },
        ],
      ]),
      default: 'm',
      currency: 'EUR',
    });
    const call = callOf(registry);
    await run(call);
    expect(call.costOf({ prompt_tokens: 1_000_000, completion_tokens: 500_000 })).toBe(2_000_000_000);
  });

  it('asks the one server of BULLA_LLM once for each question, whatever became of those before', async () => {
    const one = new Scripted('one', [[DOWN]]);
    const registry = registryOf([one], [], { isAskedOnce: true });
    for (let runs = 1; runs <= 10; runs += 1) {
      expect(await run(callOf(registry))).toMatchObject({ error: DOWN });
      expect(one.requests).toHaveLength(runs);
    }
  });
});
