import { describe, expect, it } from '@jest/globals';
import { EchoModel } from './echo.model.js';
import { ExtractModel } from './extract.model.js';
import { ModelRegistry } from './model-registry.js';

const [small, large, others] = [new EchoModel(), new ExtractModel(), new EchoModel()];
const parts = {
  models: new Map([
    ['small', { model: small, asksFor: 'llama3.2' }],
    ['large', { model: large }],
  ]),
  aliases: new Map([['fast', 'small']]),
  default: 'large',
};
const asked = (registry: ModelRegistry, model: string | undefined) => {
  const { model: answering, request } = registry.callFor({ model, messages: [], requestId: 'inv_1' });
  return { answering, request };
};

describe('a registry', () => {
  it.each([
    ['a name', 'small', small, 'llama3.2'],
    ['an alias', 'fast', small, 'llama3.2'],
    ['default', 'default', large, undefined],
    ['no name', undefined, large, undefined],
  ])('knows who answers a prompt that says %s, and what is asked for there', (_name, wanted, model, asksFor) => {
    const { answering, request } = asked(new ModelRegistry(parts), wanted);
    expect(answering).toBe(model);
    expect(request).toEqual({ model: asksFor, messages: [], requestId: 'inv_1' });
  });

  it('refuses every other name, and does not repeat it [guard: model-unlisted]', () => {
    for (const name of ['gpt-secret', 'llama3.2', 'constructor', '__proto__', ''])
      expect(() => asked(new ModelRegistry(parts), name)).toThrow(
        expect.objectContaining({ code: 'model_not_allowed', message: expect.not.stringContaining('gpt-secret') }),
      );
  });

  it('asks for other names as they are, where one model answers them', () => {
    const { answering, request } = asked(new ModelRegistry({ ...parts, others }), 'gpt-4.1');
    expect(answering).toBe(others);
    expect(request.model).toBe('gpt-4.1');
  });

  it('lists its names, and who answers, each once', () => {
    const registry = new ModelRegistry({ ...parts, others });
    expect(registry.list()).toEqual([
      { name: 'small', isDefault: false },
      { name: 'large', isDefault: true },
      { name: 'fast', isDefault: false, aliasOf: 'small' },
    ]);
    expect(registry.all).toEqual([small, large, others]);
    expect([registry.own, registry.takesOthers]).toEqual([large, true]);
    expect(new ModelRegistry(parts).takesOthers).toBe(false);
  });

  it('is not made where a name stands for nothing', () => {
    expect(() => new ModelRegistry({ ...parts, default: 'none' })).toThrow('stands for no model');
    expect(() => new ModelRegistry({ ...parts, aliases: new Map([['a', 'none']]) })).toThrow('stands for no model');
  });
});
