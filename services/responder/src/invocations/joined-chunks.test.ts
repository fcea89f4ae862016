import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelChunk, ModelDelta } from '../models/model.js';
import { joined } from './joined-chunks.js';

const SHAPE = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' } as const;

function chunk(delta: ModelDelta, more: object = {}, about: object = {}): ModelChunk {
  return { ...SHAPE, ...about, choices: [{ index: 0, delta, finish_reason: null, ...more }] };
}

describe('two chunks are one', () => {
  it.each<[string, ModelChunk, ModelChunk, ModelChunk]>([
    ['that say words', chunk({ content: 'a' }), chunk({ content: 'b' }), chunk({ content: 'ab' })],
    [
      'of which the first says whose words they are',
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'b' }),
      chunk({ role: 'assistant', content: 'b' }),
    ],
    [
      'about which a server says the same',
      chunk({ content: 'a' }, { logprobs: null }, { system_fingerprint: 'f' }),
      chunk({ content: 'b' }, { logprobs: null }, { system_fingerprint: 'f' }),
      chunk({ content: 'ab' }, { logprobs: null }, { system_fingerprint: 'f' }),
    ],
  ])('%s', (_name, one, next, both) => {
    expect(joined(one, next)).toEqual(both);
  });

  it('however many there are, with all their words in order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (texts) => {
        const [first, ...more] = texts.map((content) => chunk({ content }));
        const all = more.reduce<ModelChunk | undefined>((one, next) => one && joined(one, next), first);
        expect(all?.choices[0]?.delta.content).toBe(texts.join(''));
      }),
    );
  });
});

describe('two chunks stay two', () => {
  it.each<[string, ModelChunk, ModelChunk]>([
    [
      'after an end [guard: join-before-end]',
      chunk({ content: 'a' }, { finish_reason: 'stop' }),
      chunk({ content: 'b' }, { finish_reason: 'stop' }),
    ],
    [
      'where the second is a call [guard: join-only-words]',
      chunk({ content: 'a' }),
      chunk({ content: '', tool_calls: [{ index: 0 }] }),
    ],
    [
      'where the second ends [guard: join-same-choice]',
      chunk({ content: 'a' }),
      chunk({ content: 'b' }, { finish_reason: 'stop' }),
    ],
    [
      'of which one says more [guard: join-same-chunk]',
      chunk({ content: 'a' }),
      chunk({ content: 'b' }, {}, { usage: { total_tokens: 1 } }),
    ],
    ['of two choices', chunk({ content: 'a' }), chunk({ content: 'b' }, { index: 1 })],
    [
      'with the probabilities of their tokens',
      chunk({ content: 'a' }, { logprobs: { content: [] } }),
      chunk({ content: 'b' }, { logprobs: { content: [] } }),
    ],
    ['of which one has no choice', chunk({ content: 'a' }), { ...SHAPE, choices: [] }],
    [
      'with several choices each',
      { ...SHAPE, choices: [...chunk({ content: 'a' }).choices, ...chunk({ content: 'a' }, { index: 1 }).choices] },
      chunk({ content: 'b' }),
    ],
    ['of which one has no words', chunk({ role: 'assistant' }), chunk({ content: 'b' })],
    ['of which one refuses', chunk({ refusal: 'a' }), chunk({ content: 'b' })],
  ])('%s', (_name, one, next) => {
    expect(joined(one, next)).toBeUndefined();
  });
});
