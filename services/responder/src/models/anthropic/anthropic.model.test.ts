import { describe, expect, it } from '@jest/globals';
import { anthropicSuite, anthropicQuestion } from '../../../test/anthropic-suite.js';
import type { ModelChunk } from '../model.js';

const { collect, failure, follow, model, sent, upstream } = await anthropicSuite();

describe('an answer of the Messages API', () => {
  it('becomes chunks of a chat completion, with its finish and its usage', async () => {
    follow({ tokens: ['it ', 'is'], model: 'claude-x', usage: { cache_read_input_tokens: 3 } });
    const chunks = await collect();
    const shape = { id: 'msg_fake', object: 'chat.completion.chunk', created: expect.any(Number), model: 'claude-x' };
    const piece = (delta: object, finish_reason: string | null = null) => ({
      ...shape,
      choices: [{ index: 0, delta, finish_reason }],
    });
    expect(chunks).toEqual([
      piece({ role: 'assistant', content: '' }),
      piece({ content: 'it ' }),
      piece({ content: 'is' }),
      piece({}, 'stop'),
      { ...shape, choices: [], usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 } },
    ]);
  });

  it('has calls of tools, several at once, and what was thought before', async () => {
    follow({
      thinking: ['hm ', 'hm'],
      tokens: [],
      toolCalls: [
        { id: 'toolu_1', name: 'weather', input: ['{"city":', '"Bern"}'] },
        { id: 'toolu_2', name: 'now', input: [''] },
      ],
    });
    const deltas = (await collect()).flatMap(({ choices }) => choices.map(({ delta }) => delta));
    const call = (index: number, more: object) => ({ tool_calls: [{ index, ...more }] });
    expect(deltas).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'hm ' },
      { reasoning_content: 'hm' },
      call(0, { id: 'toolu_1', type: 'function', function: { name: 'weather', arguments: '' } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(0, { function: { arguments: '"Bern"}' } }),
      call(1, { id: 'toolu_2', type: 'function', function: { name: 'now', arguments: '' } }),
      call(1, { function: { arguments: '{}' } }),
      {},
    ]);
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
  ])('that ends by %s ends by %s', async (stopReason, finish) => {
    follow({ stopReason });
    expect((await collect()).at(-2)?.choices[0]?.finish_reason).toBe(finish);
  });

  it.each(['refusal', 'pause_turn', 'constructor', 'another'])(
    'that ends by %s is none [guard: anthropic-withheld]',
    async (stopReason) => {
      follow({ stopReason });
      expect(await failure()).toMatchObject({ code: 'upstream_unavailable', fault: { cause: 'withheld' } });
    },
  );
});

describe('a stream of the Messages API', () => {
  it('that goes on after its limit is cut off there, and says so', async () => {
    follow({ tokens: ['a', 'b', 'c', 'd'] });
    const chunks = await collect({ maxOutputTokens: 2 });
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length');
    expect(sent()['max_tokens']).toBe(2);
    expect((await upstream.requests.at(-1)?.ended)?.how).not.toBe('cut-by-script');
  });

  it('whose asker leaves is closed', async () => {
    follow({ tokens: ['a', 'b'], fault: { afterTokens: 1, kind: 'stall' } });
    const leaving = new AbortController();
    const chunks = model.stream(anthropicQuestion(), leaving.signal);
    let read: readonly ModelChunk[] = [];
    while (!read.some(({ choices }) => choices[0]?.delta.content === 'a')) read = (await chunks.next()).value ?? [];
    const left = new Error('left');
    leaving.abort(left);
    await expect(chunks.next()).rejects.toBe(left);
    expect((await upstream.requests.at(-1)?.ended)?.how).toBe('closed-by-client');
  });
});
