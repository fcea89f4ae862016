import { describe, expect, it } from '@jest/globals';
import type { CompletionChunk } from './chunks.js';
import { completionOf } from './completion.js';

type Choice = Partial<CompletionChunk['choices'][number]>;

const SHAPE = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' } as const;
const chunk = (...choices: readonly Choice[]): CompletionChunk => ({
  ...SHAPE,
  choices: choices.map((choice) => ({ index: 0, delta: {}, finish_reason: null, ...choice })),
});
const said = (delta: Readonly<Record<string, unknown>>, more: object = {}) => chunk({ delta, ...more });

function whole(...chunks: readonly CompletionChunk[]) {
  return completionOf(chunks).choices[0];
}

describe('completionOf', () => {
  it('joins text and refusals, and takes the end of each choice', () => {
    const chunks = [
      chunk({ index: 1, delta: { content: 'b' } }, { delta: { role: 'assistant', content: '', refusal: null } }),
      chunk({ delta: { content: 'Hel' } }, { index: 1, delta: { refusal: 'n' } }),
      chunk({ delta: { content: 'lo' }, finish_reason: 'stop' }, { index: 1, delta: { refusal: 'o' } }),
      chunk({ index: 1, finish_reason: 'length' }),
      { ...SHAPE, choices: [], usage: { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 1 } } },
    ];
    expect(completionOf(chunks)).toEqual({
      ...SHAPE,
      object: 'chat.completion',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'Hello', refusal: null }, finish_reason: 'stop' },
        { index: 1, message: { role: 'assistant', content: 'b', refusal: 'no' }, finish_reason: 'length' },
      ],
      usage: { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 1 } },
    });
  });

  it('joins the arguments of each call of a tool, in the order of their index', () => {
    const call = (index: number, part: object, more: object = {}) =>
      said({ tool_calls: [{ index, ...more, function: part }] });
    const calls = [
      call(1, { name: 'b', arguments: '[' }, { id: 'call_b', type: 'function' }),
      call(0, { name: 'a', arguments: '' }, { id: 'call_a', type: 'function', odd: 1 }),
      call(0, { arguments: '{"x":' }),
      call(1, { arguments: ']' }),
      call(0, { arguments: '1}' }),
    ];
    expect(whole(said({ content: null }), ...calls)?.message).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'a', arguments: '{"x":1}' }, odd: 1 },
        { id: 'call_b', type: 'function', function: { name: 'b', arguments: '[]' } },
      ],
    });
  });

  it('joins lists of log probabilities, and changes no chunk', () => {
    const first = said({ content: 'a' }, { logprobs: { content: [{ token: 'a' }], refusal: null } });
    const second = said({ content: 'b' }, { logprobs: { content: [{ token: 'b' }] } });
    const before = structuredClone([first, second]);
    expect(whole(first, second)).toMatchObject({
      logprobs: { content: [{ token: 'a' }, { token: 'b' }], refusal: null },
    });
    expect(whole(said({}, { logprobs: null }))).toMatchObject({ logprobs: null });
    expect(whole(said({}))).not.toHaveProperty('logprobs');
    expect([first, second]).toEqual(before);
  });

  it('keeps members that nobody named: words go on, lists go on, of others the last counts', () => {
    const first = { ...said({ reasoning_content: 'so ', list: [1] }, { stop_reason: null }), service_tier: 'a' };
    const second = { ...said({ reasoning_content: 'it is', list: [2], deep: { a: 1 } }), service_tier: null };
    const third = { ...said({ deep: { b: 1 } }, { stop_reason: 7 }), system_fingerprint: 'fp' };
    expect(completionOf([first, second, third])).toMatchObject({ service_tier: 'a', system_fingerprint: 'fp' });
    expect(whole(first, second, third)).toMatchObject({
      message: { reasoning_content: 'so it is', list: [1, 2], deep: { b: 1 } },
      stop_reason: 7,
    });
  });

  it('of nothing has no choice', () => {
    expect(completionOf([]).choices).toEqual([]);
  });
});
