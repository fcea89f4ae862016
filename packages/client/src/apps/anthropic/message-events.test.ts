import { describe, expect, it } from '@jest/globals';
import type { CompletionChunk } from '@bulla/crypto';
import { completionOf } from '@bulla/crypto';
import fc from 'fast-check';
import type { SaidAnswer } from '../../../test/apps/said-answer.js';
import { chunksOf, CUT, saidAnswer, splitChunks } from '../../../test/apps/said-answer.js';
import type { VendorEvent } from '../vendor-events.js';
import { anthropicError } from './anthropic-error.js';
import { MessageEvents } from './message-events.js';
import { messageOf } from './message-object.js';

const frame = { id: 'msg_00', model: 'm' };

function eventsOf(chunks: readonly CompletionChunk[]): { before: VendorEvent[]; end: VendorEvent[] } {
  const events = new MessageEvents(frame);
  const before = [...events.start(), ...chunks.flatMap((chunk) => events.chunk(chunk))];
  return { before, end: events.end(completionOf(chunks)) };
}

const types = (events: readonly VendorEvent[]) => events.map(({ type }) => type.replace('content_block_', ''));

/** The message that a reader of the events has, as Anthropic's SDK puts it together. */
function gathered(events: readonly VendorEvent[]): unknown {
  let message: Record<string, unknown> = {};
  const blocks: { text?: string; json?: string; block: object }[] = [];
  for (const event of events) {
    const { delta = {} } = event as { delta?: Record<string, unknown> };
    const at = blocks[Number(event['index'])];
    if (event.type === 'message_start') message = { ...(event['message'] as object) };
    if (event.type === 'content_block_start') blocks.push({ block: event['content_block'] as object });
    if (delta['type'] === 'text_delta' && at) at.text = (at.text ?? '') + String(delta['text']);
    if (delta['type'] === 'input_json_delta' && at) at.json = (at.json ?? '') + String(delta['partial_json']);
    if (event.type === 'message_delta') Object.assign(message, delta, { usage: event['usage'] });
  }
  const content = blocks.map(({ block, text, json }) => ({
    ...block,
    ...(text !== undefined && { text }),
    ...(json !== undefined && { input: JSON.parse(json) as unknown }),
  }));
  return { ...message, content };
}

describe('the events of a message', () => {
  it.each<[string, SaidAnswer, string[], string[]]>([
    ['text', { text: ['Hel', 'lo'], finish: 'stop' }, ['start', 'delta', 'delta'], ['stop']],
    ['nothing', { finish: 'stop' }, [], []],
    [
      'text and two calls',
      {
        text: ['I look.'],
        calls: [
          ['a', 'look', ['{"a"', ':1}']],
          ['b', 'look', []],
        ],
        finish: 'tool_calls',
      },
      ['start', 'delta'],
      ['stop', 'start', 'delta', 'stop', 'start', 'delta', 'stop'],
    ],
    ['a refusal', { refusal: ['I may ', 'not.'], finish: 'stop' }, [], ['start', 'delta', 'stop']],
    ['a refusal after text', { text: ['a'], refusal: ['no'] }, ['start', 'delta'], ['delta', 'stop']],
  ])('of %s are in their order, and none that ends or acts is before the end', (_name, said, before, end) => {
    const events = eventsOf(chunksOf(said));
    expect(types(events.before)).toEqual(['message_start', 'ping', ...before]);
    expect(types(events.end)).toEqual([...end, 'message_delta', 'message_stop']);
  });

  it('make the same message, however the answer was cut into pieces [guard: messages-acts-held]', () => {
    fc.assert(
      fc.property(saidAnswer, fc.infiniteStream(fc.nat(3)), (said, cuts) => {
        const whole = messageOf(completionOf(chunksOf(said)), frame);
        const { before, end } = eventsOf(splitChunks(chunksOf(said), cuts));
        expect(gathered([...before, ...end])).toEqual(whole);
        expect(types(before).filter((type) => /stop|message_delta|error/.test(type))).toEqual([]);
        expect(JSON.stringify(before)).not.toMatch(/"tool_use"|input_json/);
      }),
    );
  });
});

describe('the message', () => {
  it.each<[string, SaidAnswer, string]>([
    ['that ended', { text: ['a'], finish: 'stop' }, 'end_turn'],
    ['that calls', { calls: [['a', 'look', ['{}']]], finish: 'tool_calls' }, 'tool_use'],
    ['that was cut', { text: ['a'], finish: 'length' }, 'max_tokens'],
    ['that was withheld', { text: ['a'], finish: 'content_filter' }, 'refusal'],
    ['that refuses', { refusal: ['no'], finish: 'stop' }, 'refusal'],
  ])('says how an answer ended %s', (_name, said, reason) => {
    expect(messageOf(completionOf(chunksOf(said)), frame)).toMatchObject({ stop_reason: reason, stop_sequence: null });
  });

  it('counts as its interface does: what came from a cache is apart', () => {
    const usage = { prompt_tokens: 7, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 3 } };
    expect(messageOf(completionOf(chunksOf({ text: ['a'], usage })), frame)).toMatchObject({
      usage: { input_tokens: 4, cache_read_input_tokens: 3, output_tokens: 5 },
    });
  });

  it('names a call that its server did not name', () => {
    const message = messageOf(completionOf(chunksOf({ calls: [['', 'look', ['{}']]] })), frame);
    expect(message.content).toEqual([{ type: 'tool_use', id: 'toolu_0000', name: 'look', input: {} }]);
  });

  it.each(['{', '[]', '1'])('is none if a tool was called with %s [guard: message-tool-input]', (written) => {
    const completion = completionOf(chunksOf({ text: ['a'], calls: [['a', 'look', [written]]], finish: 'tool_calls' }));
    expect(() => messageOf(completion, frame)).toThrow(expect.objectContaining({ code: 'upstream_unavailable' }));
    expect(() => new MessageEvents(frame).end(completion)).toThrow(/not a JSON object/);
  });
});

it('tells a failure in the shape of its vendor, with the problem beside', () => {
  expect(anthropicError(CUT)).toMatchObject({
    type: 'error',
    error: { type: 'api_error', message: CUT.detail, details: { error_code: 'stream_truncated' } },
    code: 'stream_truncated',
    request_id: 'req_1',
    retryable: CUT.retryable,
  });
});
