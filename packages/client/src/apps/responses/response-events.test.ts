import { describe, expect, it } from '@jest/globals';
import type { CompletionChunk } from '@bulla/crypto';
import { completionOf } from '@bulla/crypto';
import fc from 'fast-check';
import type { SaidAnswer } from '../../../test/apps/said-answer.js';
import { chunksOf, CUT, saidAnswer, splitChunks } from '../../../test/apps/said-answer.js';
import type { VendorEvent } from '../vendor-events.js';
import { ResponseEvents } from './response-events.js';
import { responseOf } from './response-object.js';

const frame = { id: 'resp_00', createdAt: 1_700_000_000, model: 'm', asked: {} };

function eventsOf(chunks: readonly CompletionChunk[]): { before: VendorEvent[]; end: VendorEvent[] } {
  const events = new ResponseEvents(frame);
  const before = [...events.start(), ...chunks.flatMap((chunk) => events.chunk(chunk))];
  return { before, end: events.end(completionOf(chunks)) };
}

const firstOf = (said: SaidAnswer): CompletionChunk => {
  const [chunk] = chunksOf(said);
  if (chunk === undefined) throw new Error('nothing was said');
  return chunk;
};
const types = (events: readonly VendorEvent[]) => events.map(({ type }) => type.replace('response.', ''));
const added = ['output_item.added', 'content_part.added'];
const ended = ['output_text.done', 'content_part.done', 'output_item.done'];
const called = [
  'output_item.added',
  'function_call_arguments.delta',
  'function_call_arguments.done',
  'output_item.done',
];

describe('the events of a response', () => {
  it.each<[string, SaidAnswer, string[], string[]]>([
    [
      'text',
      { text: ['Hel', 'lo'], finish: 'stop' },
      [...added, 'output_text.delta', 'output_text.delta'],
      [...ended, 'completed'],
    ],
    ['nothing', { finish: 'stop' }, [], ['output_item.added', 'output_item.done', 'completed']],
    [
      'text and two calls',
      {
        text: ['I look.'],
        calls: [
          ['call_1', 'look', ['{"a"', ':1}']],
          ['call_2', 'look', ['{}']],
        ],
        finish: 'tool_calls',
      },
      [...added, 'output_text.delta'],
      [...ended, ...called, ...called, 'completed'],
    ],
    [
      'a call without arguments',
      { calls: [['call_1', 'look', []]], finish: 'tool_calls' },
      [],
      ['output_item.added', 'function_call_arguments.done', 'output_item.done', 'completed'],
    ],
    [
      'a refusal',
      { refusal: ['I may ', 'not.'], finish: 'stop' },
      [],
      [...added, 'refusal.delta', 'refusal.done', 'content_part.done', 'output_item.done', 'completed'],
    ],
    ['a cut text', { text: ['Hel'], finish: 'length' }, [...added, 'output_text.delta'], [...ended, 'incomplete']],
  ])('of %s are in their order, and none that ends or acts is before the end', (_name, said, before, end) => {
    const events = eventsOf(chunksOf(said));
    expect(types(events.before)).toEqual(['created', 'in_progress', ...before]);
    expect(types(events.end)).toEqual(end);
  });

  it('have numbers that follow each other, and places that hold together', () => {
    const { before, end } = eventsOf(
      chunksOf({ text: ['a', 'b'], calls: [['call_1', 'look', ['{}']]], refusal: ['no'], finish: 'tool_calls' }),
    );
    const all = [...before, ...end];
    expect(all.map((event) => event['sequence_number'])).toEqual(all.map((_, index) => index));
    const message = all.filter((event) => event['item_id'] === 'msg_00');
    expect(new Set(message.map((event) => event['output_index']))).toEqual(new Set([0]));
    expect(all.find(({ type }) => type === 'response.refusal.done')).toMatchObject({ content_index: 1, refusal: 'no' });
    expect(all.find(({ type }) => type === 'response.function_call_arguments.done')).toMatchObject({
      item_id: 'fc_0000',
      output_index: 1,
      name: 'look',
      arguments: '{}',
    });
  });

  it('hold the same response at the end, however the answer was cut into pieces [guard: responses-acts-held]', () => {
    const anyAnswer = fc.tuple(saidAnswer, fc.infiniteStream(fc.nat(3)));
    fc.assert(
      fc.property(anyAnswer, ([said, cuts]) => {
        const whole = responseOf(completionOf(chunksOf(said)), frame);
        const { before, end } = eventsOf(splitChunks(chunksOf(said), cuts));
        expect(end.at(-1)).toMatchObject({ response: whole });
        const told = before.filter(({ type }) => type === 'response.output_text.delta');
        expect(told.map((event) => event['delta']).join('')).toBe((said.text ?? []).join(''));
        const items = end.filter(({ type }) => type === 'response.output_item.done').map((event) => event['item']);
        expect(items).toEqual(whole.output);
        expect(types(before).filter((type) => /done|completed|incomplete|arguments|failed/.test(type))).toEqual([]);
      }),
    );
  });

  it('of a failure end with an error, and no word says that the answer is whole', () => {
    const events = new ResponseEvents(frame);
    const told = [...events.start(), ...events.chunk(firstOf({ text: ['a'] }))];
    const end = events.fail(CUT, true);
    expect(types(end)).toEqual(['failed', 'error']);
    expect(end[0]).toMatchObject({
      sequence_number: told.length,
      response: { status: 'failed', output: [], error: { code: 'stream_truncated', message: CUT.detail } },
    });
    expect(end[1]).toMatchObject({
      type: 'error',
      sequence_number: told.length + 1,
      message: CUT.detail,
      code: 'stream_truncated',
      status: 502,
      error: { message: CUT.detail, code: 'stream_truncated' },
    });
  });

  it('tell log probabilities with their text', () => {
    const logprobs = { content: [{ token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [] }], refusal: null };
    const chunk = firstOf({ text: ['a'] });
    const told = { ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, logprobs })) };
    const { before, end } = eventsOf([told]);
    expect(before.at(-1)).toMatchObject({ delta: 'a', logprobs: logprobs.content });
    expect(end[0]).toMatchObject({ text: 'a', logprobs: logprobs.content });
  });
});

describe('the response', () => {
  it('counts as its interface does', () => {
    const usage = {
      prompt_tokens: 7,
      completion_tokens: 5,
      total_tokens: 12,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    };
    expect(responseOf(completionOf(chunksOf({ text: ['a'], usage, finish: 'stop' })), frame)).toMatchObject({
      usage: {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 12,
      },
    });
  });

  it.each<[string, string, string, object | null]>([
    ['that ended', 'stop', 'completed', null],
    ['that calls', 'tool_calls', 'completed', null],
    ['that was cut', 'length', 'incomplete', { reason: 'max_output_tokens' }],
    ['that was withheld', 'content_filter', 'incomplete', { reason: 'content_filter' }],
  ])('says how an answer ended %s', (_name, finish, status, details) => {
    const response = responseOf(completionOf(chunksOf({ text: ['a'], finish })), frame);
    expect(response).toMatchObject({ status, incomplete_details: details, output: [{ status }] });
  });

  it('names a call that its server did not name', () => {
    const response = responseOf(completionOf(chunksOf({ calls: [['', 'look', ['{}']]], finish: 'tool_calls' })), frame);
    expect(response.output).toMatchObject([{ type: 'function_call', id: 'fc_0000', call_id: 'call_0000' }]);
  });

  it('repeats what was asked', () => {
    const asked = { temperature: 0.5, instructions: 'Be brief.', metadata: { a: 'b' }, text: { verbosity: 'low' } };
    expect(responseOf(completionOf([]), { ...frame, asked })).toMatchObject({ ...asked, store: false, tools: [] });
  });
});
