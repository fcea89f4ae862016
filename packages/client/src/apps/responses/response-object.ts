import type { Completion, CompletionChoice, CompletionUsage } from '@bulla/crypto';
import type { AppObject } from '../app-body.js';
import { isAppObject } from '../app-body.js';

/** What a response is called by, and what it repeats of its request. */
export interface ResponseFrame {
  /** `resp_…`; its items are named after it. */
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly model: string;
  readonly asked: AppObject;
}

/** A part of a message, in OpenAI's shape. */
export type ResponsePart =
  | {
      readonly type: 'output_text';
      readonly annotations: readonly [];
      readonly logprobs: unknown;
      readonly text: string;
    }
  | { readonly type: 'refusal'; readonly refusal: string };

/** A message or a call of a function, in OpenAI's shape. */
export type ResponseItem =
  | {
      readonly id: string;
      readonly type: 'message';
      readonly status: string;
      readonly role: 'assistant';
      readonly content: readonly ResponsePart[];
    }
  | {
      readonly id: string;
      readonly type: 'function_call';
      readonly status: string;
      readonly arguments: string;
      readonly call_id: string;
      readonly name: string;
    };

export type ResponseObject = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly status: string;
  readonly output: readonly ResponseItem[];
};

/** A response that has not ended: nothing in it says how it does. */
export function pendingResponse(frame: ResponseFrame): ResponseObject {
  return { ...frameMembers(frame), status: 'in_progress', output: [], usage: null };
}

/** A response that failed. */
export function failedResponse(frame: ResponseFrame, error: { code: string; message: string }): ResponseObject {
  return { ...frameMembers(frame), status: 'failed', error, output: [], usage: null };
}

/** The response that a verified answer is. */
export function responseOf(completion: Completion, frame: ResponseFrame): ResponseObject {
  const [choice] = completion.choices;
  const reason = choice === undefined ? undefined : incompleteReason(choice);
  return {
    ...frameMembers(frame),
    ...(completion.model !== '' && { model: completion.model }),
    status: reason === undefined ? 'completed' : 'incomplete',
    completed_at: reason === undefined ? frame.createdAt : null,
    incomplete_details: reason === undefined ? null : { reason },
    output: choice === undefined ? [] : itemsOf(choice, frame),
    usage: completion.usage === undefined ? null : usageOf(completion.usage),
  };
}

/** The name of the message of a response. */
export function messageId({ id }: ResponseFrame): string {
  return id.replace('resp_', 'msg_');
}

function itemsOf(choice: CompletionChoice, frame: ResponseFrame): ResponseItem[] {
  const { tool_calls: calls = [] } = choice.message;
  const content = partsOf(choice);
  const status = incompleteReason(choice) === undefined ? 'completed' : 'incomplete';
  return [
    ...(content.length > 0 || calls.length === 0
      ? [{ id: messageId(frame), type: 'message', status, role: 'assistant', content } as const]
      : []),
    ...calls.map(({ id, function: { name, arguments: text } }, index) => {
      const own = `${frame.id.replace('resp_', '')}${index.toString(16).padStart(2, '0')}`;
      const call = { arguments: text, call_id: id === '' ? `call_${own}` : id, name } as const;
      return { id: `fc_${own}`, type: 'function_call', status, ...call } as const;
    }),
  ];
}

/** A refusal comes after what is said in words, as a stream shows them. */
function partsOf({ message: { content, refusal }, logprobs }: CompletionChoice): ResponsePart[] {
  const parts: ResponsePart[] = [];
  const isSilent = content === null || content === '';
  const list = isAppObject(logprobs) && Array.isArray(logprobs['content']) ? logprobs['content'] : [];
  if (!isSilent) parts.push({ type: 'output_text', annotations: [], logprobs: list, text: content });
  if (typeof refusal === 'string' && refusal !== '') parts.push({ type: 'refusal', refusal });
  return parts;
}

function incompleteReason({ finish_reason: reason }: CompletionChoice): string | undefined {
  if (reason === 'length') return 'max_output_tokens';
  return reason === 'content_filter' ? reason : undefined;
}

function usageOf(usage: CompletionUsage): object {
  const { prompt_tokens: input = 0, completion_tokens: output = 0, total_tokens: total = input + output } = usage;
  const asked = usage['prompt_tokens_details'];
  const said = usage['completion_tokens_details'];
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: count(asked, 'cached_tokens'),
      cache_write_tokens: count(asked, 'cache_write_tokens'),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: count(said, 'reasoning_tokens') },
    total_tokens: total,
  };
}

function count(details: unknown, name: string): number {
  const value = isAppObject(details) ? details[name] : undefined;
  return typeof value === 'number' ? value : 0;
}

/** What OpenAI's interface says of a request in every response to it. */
function frameMembers({
  id,
  createdAt,
  model,
  asked,
}: ResponseFrame): Readonly<Record<string, unknown>> & { id: string } {
  const reasoning = isAppObject(asked['reasoning']) ? asked['reasoning'] : {};
  return {
    id,
    object: 'response',
    created_at: createdAt,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: asked['instructions'] ?? null,
    max_output_tokens: asked['max_output_tokens'] ?? null,
    metadata: asked['metadata'] ?? {},
    model,
    parallel_tool_calls: asked['parallel_tool_calls'] ?? true,
    previous_response_id: null,
    prompt: asked['prompt'] ?? null,
    reasoning: { effort: reasoning['effort'] ?? null, summary: null },
    store: false,
    temperature: asked['temperature'] ?? null,
    text: asked['text'] ?? { format: { type: 'text' } },
    tool_choice: asked['tool_choice'] ?? 'auto',
    tools: asked['tools'] ?? [],
    top_logprobs: asked['top_logprobs'] ?? 0,
    top_p: asked['top_p'] ?? null,
    truncation: 'disabled',
  };
}
