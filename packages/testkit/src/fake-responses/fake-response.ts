import type { FakeCall } from './fake-calls.js';
import { wholeCalls } from './fake-calls.js';
import type { FakeReply, FakeUsage } from '../fake-openai-script.js';

/** A response of OpenAI's interface, whole and as the events that it streams. */
export interface FakeResponse {
  readonly whole: object;
  readonly events: readonly FakeResponseEvent[];
}

export interface FakeResponseEvent {
  readonly type: string;
  /** Whether it has a token of the text. */
  readonly isToken: boolean;
  readonly data: object;
}

/** What a response is made of. */
interface Made {
  readonly tokens: readonly string[];
  readonly model: string;
  readonly usage: FakeUsage | undefined;
}

type Event = readonly [type: string, data: object, isToken?: boolean];

const ID = 'fake0000000000000000000000000000';
const FRAME = {
  id: `resp_${ID}`,
  object: 'response',
  created_at: 1_700_000_000,
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: 1,
  tool_choice: 'auto',
  tools: [],
  top_p: 1,
};

/** What OpenAI would say: a message where there are tokens, and a call of a function for each call. */
export function fakeResponse(reply: FakeReply, { tokens, model, usage }: Made): FakeResponse {
  const isCut = reply.finishReason === 'length';
  const status = isCut ? 'incomplete' : 'completed';
  const calls = wholeCalls(reply.toolCalls ?? []).map((call, index) => callItem(call, index, status));
  const output = tokens.length > 0 || calls.length === 0 ? [messageItem(tokens, status), ...calls] : calls;
  const begun = { ...FRAME, model, status: 'in_progress', output: [], usage: null };
  const details = isCut ? { incomplete_details: { reason: 'max_output_tokens' } } : {};
  const whole = { ...FRAME, model, ...details, status, output, usage: usage === undefined ? null : usageOf(usage) };
  const events: Event[] = [
    ['response.created', { response: begun }],
    ['response.in_progress', { response: begun }],
    ...output.flatMap((item, at) => ('content' in item ? messageEvents(item, at, tokens) : callEvents(item, at))),
    [`response.${status}`, { response: whole }],
  ];
  return { whole, events: events.map(numbered) };
}

function numbered([type, data, isToken = false]: Event, sequence: number): FakeResponseEvent {
  return { type, isToken, data: { type, sequence_number: sequence, ...data } };
}

function messageItem(tokens: readonly string[], status: string) {
  const part = { type: 'output_text', annotations: [], logprobs: [], text: tokens.join('') };
  return { id: `msg_${ID}`, type: 'message', status, role: 'assistant', content: [part] } as const;
}

function messageEvents(item: ReturnType<typeof messageItem>, at: number, tokens: readonly string[]): Event[] {
  const [part] = item.content;
  const place = { item_id: item.id, output_index: at, content_index: 0 };
  return [
    ['response.output_item.added', { output_index: at, item: { ...item, status: 'in_progress', content: [] } }],
    ['response.content_part.added', { ...place, part: { ...part, text: '' } }],
    ...tokens.map((delta): Event => ['response.output_text.delta', { ...place, delta, logprobs: [] }, true]),
    ['response.output_text.done', { ...place, text: part.text, logprobs: [] }],
    ['response.content_part.done', { ...place, part }],
    ['response.output_item.done', { output_index: at, item }],
  ];
}

function callItem({ id, function: { name, arguments: written } }: FakeCall, index: number, status: string) {
  return { id: `fc_${ID}${index}`, type: 'function_call', status, arguments: written, call_id: id, name } as const;
}

function callEvents(item: ReturnType<typeof callItem>, at: number): Event[] {
  const place = { item_id: item.id, output_index: at };
  const { name, arguments: written } = item;
  return [
    ['response.output_item.added', { output_index: at, item: { ...item, status: 'in_progress', arguments: '' } }],
    ['response.function_call_arguments.delta', { ...place, delta: written }],
    ['response.function_call_arguments.done', { ...place, name, arguments: written }],
    ['response.output_item.done', { output_index: at, item }],
  ];
}

function usageOf({ prompt_tokens: input, completion_tokens: output, total_tokens: total }: FakeUsage): object {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: total,
  };
}
