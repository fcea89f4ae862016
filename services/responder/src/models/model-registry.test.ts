import type { ModelCapability } from '@bulla/contract';
import { describe, expect, it } from '@jest/globals';
import { EchoModel } from './echo.model.js';
import { ExtractModel } from './extract.model.js';
import type { Model, ModelChunk } from './model.js';
import type { RegistryParts } from './model-registry.js';
import { ModelRegistry } from './model-registry.js';
import type { ModelTarget } from './resilience/model-target.js';

/** Keeps what it was asked for. */
class Asked extends EchoModel {
  readonly names: (string | undefined)[] = [];

  override stream(...[request, signal]: Parameters<Model['stream']>): AsyncIterable<readonly ModelChunk[]> {
    this.names.push(request.model);
    return super.stream(request, signal);
  }
}

const [small, large] = [new Asked(), new Asked()];
const others = new Asked();
const entry = (...targets: ModelTarget[]) => ({ targets });
const parts: RegistryParts = {
  models: new Map([
    ['small', entry({ model: small, upstream: 'local', asksFor: 'llama3.2' })],
    ['large', entry({ model: large, upstream: 'cloud', price: { input: 2, output: 8 } })],
  ]),
  aliases: new Map([['fast', 'small']]),
  default: 'large',
  currency: 'USD',
};
const questionFor = (model: string | undefined) => ({
  model,
  messages: [{ role: 'user' as const, content: 'hello' }],
  requestId: 'inv_1',
});

/** Asks, and says which upstream answered under which registered name, and what was asked for there. */
async function asked(registry: ModelRegistry, wanted: string | undefined): Promise<unknown[]> {
  const call = registry.callFor(questionFor(wanted));
  const before = [small, large, others].map(({ names }) => names.length);
  for await (const _ of call.stream(new AbortController().signal));
  const since = [small, large, others].flatMap(({ names }, index) => names.slice(before[index]));
  return [call.upstream, call.registeredAs, ...since];
}

describe('a registry', () => {
  it.each([
    ['a name', 'small', ['local', 'small', 'llama3.2']],
    ['an alias', 'fast', ['local', 'small', 'llama3.2']],
    ['default', 'default', ['cloud', 'large', undefined]],
    ['no name', undefined, ['cloud', 'large', undefined]],
  ])('knows who answers a prompt that says %s, and what is asked for there', async (_name, wanted, expected) => {
    expect(await asked(new ModelRegistry(parts), wanted)).toEqual(expected);
  });

  it('refuses every other name, and does not repeat it [guard: model-unlisted]', () => {
    for (const name of ['gpt-secret', 'llama3.2', 'constructor', '__proto__', ''])
      expect(() => new ModelRegistry(parts).callFor(questionFor(name))).toThrow(
        expect.objectContaining({ code: 'model_not_allowed', message: expect.not.stringContaining('gpt-secret') }),
      );
  });

  it('asks for other names as they are, where one model answers them, and does not take them for its own', async () => {
    const registry = new ModelRegistry({ ...parts, others: entry({ model: others, upstream: 'openai' }) });
    expect(await asked(registry, 'gpt-4.1')).toEqual(['openai', undefined, 'gpt-4.1']);
  });

  it('lists its names, and who answers, each once', () => {
    const registry = new ModelRegistry({ ...parts, others: entry({ model: others, upstream: 'openai' }) });
    expect(registry.list()).toMatchObject([
      { name: 'small', isDefault: false, targets: [{ upstream: 'local' }], fallbacks: [] },
      { name: 'large', isDefault: true, targets: [{ upstream: 'cloud' }], fallbacks: [] },
      { name: 'fast', isDefault: false, aliasOf: 'small', targets: [{ upstream: 'local' }], fallbacks: [] },
    ]);
    expect(registry.all).toEqual([small, large, others]);
    expect([registry.own, registry.takesOthers]).toEqual([large, true]);
    expect(new ModelRegistry(parts).takesOthers).toBe(false);
  });

  it('is not made where a name stands for nothing', () => {
    expect(() => new ModelRegistry({ ...parts, default: 'none' })).toThrow('stands for no model');
    expect(() => new ModelRegistry({ ...parts, aliases: new Map([['a', 'none']]) })).toThrow('stands for no model');
  });

  it('says what a usage costs where a name is asked first, if it knows', () => {
    const registry = new ModelRegistry(parts);
    const usage = { prompt_tokens: 1_000, completion_tokens: 500 };
    expect(registry.currency).toBe('USD');
    expect(registry.costOf('large', usage)).toBe(6_000_000);
    expect([registry.costOf('small', usage), registry.costOf('none', usage)]).toEqual([undefined, undefined]);
    expect(registry.costOf('large', {})).toBeUndefined();
  });
});

describe('what models can do', () => {
  const can = (...all: ModelCapability[]) => new Set(all);
  const registryOf = (targets: ModelTarget[], fallbacks: ModelTarget[] = []) =>
    new ModelRegistry({ models: new Map([['m', { targets, fallbacks }]]), default: 'm' });

  it('decides who is asked: those alone that can do what a question needs', async () => {
    const registry = registryOf(
      [{ model: small, upstream: 'vectors', can: can('embeddings') }],
      [{ model: large, upstream: 'writer', can: can('chat') }],
    );
    expect(await asked(registry, 'm')).toEqual(['writer', 'm', undefined]);
  });

  it('refuses a question that none of them can answer, by what is missing, and asks nobody [guard: model-incapable]', () => {
    const registry = registryOf([{ model: new ExtractModel(), upstream: 'vectors', can: can('embeddings') }]);
    expect(() => registry.callFor(questionFor('m'))).toThrow(
      expect.objectContaining({ code: 'model_incapable', fault: { cause: 'needs_chat' } }),
    );
  });
});
