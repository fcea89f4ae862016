import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RUN_NANOS_MAX, RUN_TOKENS_MAX } from '@bulla/contract';
import { Metrics } from '@bulla/service-kit';
import type { AskOptions, StoredPrompt } from '../../test/asking.js';
import { ask, storePrompt } from '../../test/asking.js';
import { askChat } from '../../test/chatting.js';
import type { RunningResponder } from '../../test/responder-fixture.js';
import { startResponder } from '../../test/responder-fixture.js';
import { suite } from '../../test/suite.js';
import { EchoModel } from '../models/echo.model.js';
import { ModelError } from '../models/model-error.js';
import type { ModelChunk, ModelRequest, ModelUsage } from '../models/model.js';
import { Model } from '../models/model.js';
import { ModelRegistry } from '../models/model-registry.js';

// What a run took is written down where it ends: once, and by the same statement.

const USAGE: ModelUsage = { prompt_tokens: 120, completion_tokens: 30, total_tokens: 150 };

/** Says one word, and does as it is told. */
class ToldModel extends Model {
  override readonly name = 'told';
  usage: ModelUsage | undefined = USAGE;
  fails = false;
  /** Called before the first word, and before the end. */
  before: (what: 'word' | 'end') => void = () => {};

  override async *stream({ requestId: id }: ModelRequest): AsyncGenerator<readonly ModelChunk[]> {
    const chunk = { id, object: 'chat.completion.chunk', created: 0, model: 'of an upstream' } as const;
    this.before('word');
    yield [{ ...chunk, choices: [{ index: 0, delta: { content: 'word' }, finish_reason: null }] }];
    this.before('end');
    if (this.fails) throw new ModelError('upstream_unavailable', 'it failed');
    yield [{ ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }];
    if (this.usage !== undefined) yield [{ ...chunk, choices: [], usage: this.usage }];
  }
}

const model = new ToldModel();
const models = async () => {
  const target = { model, upstream: 'server' };
  return new ModelRegistry({
    models: new Map([
      ['told', { targets: [{ ...target, price: { input: 0.4, output: 1.6 } }] }],
      ['dear', { targets: [{ ...target, price: { input: 1_000_000, output: 0 } }] }],
    ]),
    aliases: new Map([['small', 'told']]),
    default: 'told',
    others: { targets: [target] },
    currency: 'USD',
  });
};
const all = suite({ models, organisation: { policy: { chat: ['grp:support'] } } });
let prompt: StoredPrompt;
beforeAll(async () => {
  prompt = await storePrompt(all.organisation);
});
beforeEach(() => {
  [model.usage, model.fails, model.before] = [USAGE, false, () => {}];
});
afterEach(() => all.database.db.deleteFrom('usage_run').execute());

const counted = () => all.database.db.selectFrom('usage_run').selectAll().orderBy('id').execute();
const asking = (options: AskOptions = {}) => ask(all.organisation, prompt, options);
const streaming = { question: { opt: { stream: true, privacy: 'padded' } } } as const;
const run = () => ({
  org: all.organisation.org,
  device: all.organisation.invoker.urn,
  prompt: prompt.id,
  model: 'told',
});

describe('a run', () => {
  it.each([
    ['a whole answer', {}],
    ['a stream', streaming],
  ])(
    'of %s is counted once, with its tokens, and not again when its question comes again [guard: usage-sealed]',
    async (_what, options) => {
      const asked = await asking(options);
      await all.run(asked);
      await all.send(asked);
      await all.send(asked);
      expect(await counted()).toMatchObject([
        { ...run(), failed: false, input_tokens: 120, output_tokens: 30, currency: 'USD', cost_nanos: 96_000 },
      ]);
    },
  );

  it('is counted once where two replicas are asked, whichever answers', async () => {
    const { organisation, vault, database } = all;
    const replica = await startResponder({ organisation, vault, database, models: await models() });
    const asked = await asking();
    const sent = [all.responder, replica].map((one) =>
      one.client(organisation.invoker).post('/api/v1/invocations', asked.body),
    );
    expect((await Promise.all(sent)).some(({ status }) => status === 200)).toBe(true);
    await replica.service.close();
    expect(await counted()).toHaveLength(1);
  });

  it('whose model fails is counted as failed', async () => {
    model.fails = true;
    await all.run(await asking());
    expect(await counted()).toMatchObject([{ ...run(), failed: true, input_tokens: null, output_tokens: null }]);
  });

  it('is counted by the name of its model here, an alias as what it stands for, not by what the model calls itself', async () => {
    const runAs = async (name: string) => {
      const named = await storePrompt(all.organisation, { text: { model: { name } } });
      await all.run(await ask(all.organisation, named));
      return named.id;
    };
    const [small, large] = [await runAs('small'), await runAs('large')];
    expect(await counted()).toMatchObject([
      { ...run(), prompt: small, model: 'told', cost_nanos: 96_000 },
      { ...run(), prompt: large, model: 'large', input_tokens: 120, currency: null, cost_nanos: null },
    ]);
  });

  it.each<[string, ModelUsage | undefined]>([
    ['nothing', undefined],
    ['more than a run can take', { ...USAGE, prompt_tokens: RUN_TOKENS_MAX + 1 }],
    ['more than a run can write', { ...USAGE, completion_tokens: Number.MAX_SAFE_INTEGER }],
  ])('has no tokens where the model says %s of them [guard: usage-tokens]', async (_what, usage) => {
    model.usage = usage;
    await all.run(await asking());
    expect(await counted()).toMatchObject([{ ...run(), failed: false, input_tokens: null, output_tokens: null }]);
  });

  it.each([
    ['as much as a run can cost', 100_000, 'USD', RUN_NANOS_MAX],
    ['more than a run can cost [guard: usage-cost]', 100_001, null, null],
  ])('of a model that says it took %s has that price, or none', async (_what, tokens, currency, nanos) => {
    model.usage = { ...USAGE, prompt_tokens: tokens };
    const named = await storePrompt(all.organisation, { text: { model: { name: 'dear' } } });
    await all.run(await ask(all.organisation, named));
    expect(await counted()).toMatchObject([{ model: 'dear', input_tokens: tokens, currency, cost_nanos: nanos }]);
  });

  it('of a chat is counted without a prompt', async () => {
    await all.run(await askChat(all.organisation));
    expect(await counted()).toMatchObject([{ ...run(), prompt: null, input_tokens: 120 }]);
  });

  it('for embeddings is counted with the tokens of its texts alone', async () => {
    model.usage = { prompt_tokens: 120, completion_tokens: 0, total_tokens: 120 };
    await all.run(await askChat(all.organisation, { question: { messages: [], embeddings: { input: ['a', 'b'] } } }));
    expect(await counted()).toMatchObject([
      { ...run(), prompt: null, failed: false, input_tokens: 120, output_tokens: 0, cost_nanos: 48_000 },
    ]);
  });

  it('that asks no model is not counted', async () => {
    await all.run(await asking({ question: { vars: {} } }));
    expect(await counted()).toEqual([]);
  });
});

describe('the metrics', () => {
  const valuesOf = async (name: string, { service }: Pick<RunningResponder, 'service'> = all.responder) => {
    const metrics = service.app.get(Metrics, { strict: false });
    const metric = await metrics.registry.getSingleMetric(name)?.get();
    return (metric?.values ?? []) as { value: number; labels: Record<string, unknown>; metricName?: string }[];
  };
  /** What is added by the work: of a histogram its sum. */
  const addedBy = async (name: string, work: () => Promise<unknown>) => {
    const now = async () =>
      new Map(
        (await valuesOf(name))
          .filter(({ metricName }) => metricName === undefined || metricName.endsWith('_sum'))
          .map(({ labels, value }) => [JSON.stringify(labels), value]),
      );
    const before = await now();
    await work();
    const added = [...(await now())].map(([labels, value]) => [JSON.parse(labels), value - (before.get(labels) ?? 0)]);
    return added.filter(([, more]) => more !== 0);
  };
  const labels = { provider: 'server', model: 'told' };

  it('count runs by how they ended, and tokens by direction', async () => {
    const failing = async () => {
      model.fails = true;
      await all.run(await asking());
    };
    const answered = async () => all.run(await asking());
    expect(await addedBy('bulla_llm_requests_total', answered)).toEqual([[{ ...labels, outcome: 'ok' }, 1]]);
    expect(await addedBy('bulla_llm_tokens_total', answered)).toEqual([
      [{ ...labels, direction: 'input' }, 120],
      [{ ...labels, direction: 'output' }, 30],
    ]);
    const [[, cost] = []] = await addedBy('bulla_llm_cost_total', answered);
    expect(cost).toBeCloseTo(0.000096, 12);
    expect(await addedBy('bulla_llm_requests_total', failing)).toEqual([
      [{ ...labels, outcome: 'upstream_unavailable' }, 1],
    ]);
  });

  it('say which servers are left alone, and who answers for them', async () => {
    const { organisation, vault, database } = all;
    const away = new ToldModel();
    away.before = () => {
      throw new ModelError('upstream_unavailable', 'it is away', { cause: 'too_slow' });
    };
    const entry = {
      targets: [{ model: away, upstream: 'first' }],
      fallbacks: [{ model: new EchoModel(), upstream: 'second' }],
    };
    const own = new ModelRegistry({ models: new Map([['small', entry]]), default: 'small' });
    const responder = await startResponder({ organisation, vault, database, models: own });
    const states = async () =>
      (await valuesOf('bulla_breaker_state', responder)).map(({ labels: { provider }, value }) => [provider, value]);
    expect(await states()).toEqual([
      ['first', 0],
      ['second', 0],
    ]);
    for (let asked = 0; asked < 5; asked++)
      await responder.client(organisation.invoker).post('/api/v1/invocations', (await asking()).body);
    expect(await states()).toEqual([
      ['first', 1],
      ['second', 0],
    ]);
    const [fallbacks] = await valuesOf('bulla_fallback_total', responder);
    expect(fallbacks).toMatchObject({ labels: { from: 'first', to: 'second' }, value: 5 });
    await responder.service.close();
  });

  it.each([{}, streaming])('tell the time of the model from our own (%j)', async (options) => {
    model.before = (what) => all.responder.clock.advance(what === 'word' ? 2 : 3);
    const told = async () =>
      all.run(await ask(all.organisation, prompt, { ...options, now: all.responder.clock.now() }));
    expect(await addedBy('bulla_llm_time_to_first_token_seconds', told)).toEqual([[labels, 2]]);
    expect(await addedBy('bulla_llm_duration_seconds', told)).toEqual([[labels, 5]]);
    expect(await addedBy('bulla_overhead_seconds', told)).toEqual([]);
    // The control: time that is ours.
    const { unwrapper, clock } = all.responder;
    const unwrap = unwrapper.unwrap.bind(unwrapper);
    const slow = jest.spyOn(unwrapper, 'unwrap').mockImplementation((key) => {
      clock.advance(4);
      return unwrap(key);
    });
    const added = await addedBy('bulla_overhead_seconds', told);
    expect(added).toEqual([[{}, 4 * slow.mock.calls.length]]);
    expect(slow.mock.calls.length).toBeGreaterThan(0);
    slow.mockRestore();
  });

  it('make no series of names that the registry does not list [guard: llm-label]', async () => {
    const named = await storePrompt(all.organisation, { text: { model: { name: 'kestrel-name' } } });
    await all.run(await ask(all.organisation, named, { now: all.responder.clock.now() }));
    const values = await valuesOf('bulla_llm_requests_total');
    expect(values.map(({ labels: of }) => of['model'])).toContain('other');
    const { registry } = all.responder.service.app.get(Metrics, { strict: false });
    const text = await registry.metrics();
    expect(text).not.toContain('kestrel-name');
    expect(text).not.toContain(all.organisation.invoker.urn);
    expect(text).toContain('bulla_streams_active{service="responder"} 0');
  });
});
