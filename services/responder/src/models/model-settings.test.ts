import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { modelSettings, modelTargetSchema, modelTimeouts } from './model-settings.js';
import { openModels } from './open-models.js';

const settings = z.object(modelSettings);

describe('BULLA_LLM', () => {
  it.each([
    ['builtin:extract', { kind: 'extract' }],
    ['builtin:echo', { kind: 'echo' }],
    ['openai:http://127.0.0.1:11434/v1', { kind: 'openai', url: 'http://127.0.0.1:11434/v1' }],
    ['openai:https://api.example/v1//', { kind: 'openai', url: 'https://api.example/v1' }],
    ['gguf:/models/a b.gguf', { kind: 'gguf', path: '/models/a b.gguf' }],
    ['openai:https://api.example', { kind: 'openai', url: 'https://api.example' }],
    ['openai:http://[::1]:8080/v1', { kind: 'openai', url: 'http://[::1]:8080/v1' }],
  ])('reads %s', (text, target) => {
    expect(modelTargetSchema.parse(text)).toEqual(target);
  });

  it.each([
    ['another built-in', 'builtin:secret', /expected openai:/],
    ['another provider', 'secret:/secret', /expected openai:/],
    ['no path', 'gguf:', /expected openai:/],
    ['no URL', 'openai:', /expected openai:/],
    ['a host without a scheme', 'openai:secret.example/v1', /expected openai:/],
    ['another scheme', 'openai:file:///secret', /expected openai:/],
    ['white space', 'openai:http://secret .example', /expected openai:/],
    ['a control character', 'openai:http://secret.example/\n', /expected openai:/],
    ['credentials', 'openai:https://me:secret@api.example/v1', /no credentials/],
    ['a user', 'openai:https://secret@api.example/v1', /no credentials/],
    ['a query', 'openai:https://api.example/v1?key=secret', /end with its path/],
    ['a fragment', 'openai:https://api.example/v1#secret', /end with its path/],
    ['capitals', 'Builtin:Extract', /expected openai:/],
    ['an empty text', '', /expected openai:/],
  ])('refuses %s and does not repeat it', (_name, text, message) => {
    const result = modelTargetSchema.safeParse(text);
    expect(result.error?.issues).toHaveLength(1);
    expect(result.error?.message).toMatch(message);
    expect(result.error?.message).not.toContain('secret');
  });
});

describe('the settings of models', () => {
  it('have defaults that need no upstream', () => {
    expect(settings.parse({})).toEqual({ BULLA_LLM_TIMEOUT_MS: 120_000 });
  });

  it.each([
    ['BULLA_LLM_TIMEOUT_MS', '999'],
    ['BULLA_LLM_TIMEOUT_MS', '3600001'],
    ['BULLA_LLM_TIMEOUT_MS', '1e4'],
    ['BULLA_LLM_MODEL', ''],
    ['BULLA_LLM_MODEL', 'x'.repeat(257)],
    ['BULLA_LLM_MODEL', 'm\n'],
    ['BULLA_LLM_MODEL', 'm\u200b'],
    ['BULLA_LLM_API_KEY', 'two words'],
    ['BULLA_LLM_API_KEY', 'line\n'],
    ['BULLA_LLM_API_KEY', 'schlüssel'],
  ] as const)('refuse a bad %s (%j) [guard: setting-model-name]', (name, value) => {
    expect(settings.safeParse({ [name]: value }).error?.issues[0]?.path).toEqual([name]);
  });

  it('say in words what each expects', () => {
    for (const schema of Object.values(modelSettings)) expect(schema.description).toMatch(/^[a-z]/);
  });

  it('keep the API key from every printer', async () => {
    const parsed = settings.parse({ BULLA_LLM_API_KEY: 'sk-canary' });
    const models = await openModels(
      settings.parse({ BULLA_LLM: 'openai:http://127.0.0.1:1/v1', BULLA_LLM_API_KEY: 'sk-canary' }),
      {},
    );
    for (const printed of [
      JSON.stringify(parsed),
      inspect(parsed, { depth: 9 }),
      inspect(models, { depth: 9, showHidden: true }),
    ]) {
      expect(printed).not.toContain('sk-canary');
    }
  });
});

it('gives every step a share of the whole time', () => {
  expect(modelTimeouts(120_000)).toEqual({ connectMs: 5_000, firstByteMs: 60_000, idleMs: 30_000, totalMs: 120_000 });
  expect(modelTimeouts(1_000).connectMs).toBe(250);
});
