import * as z from 'zod';
import type { FinishReason, ModelDelta } from '../model.js';
import type { ModelErrorCode } from '../model-error.js';
import { brokenAnswer, ModelError } from '../model-error.js';
import type { UpstreamChunk } from '../upstream-chunk.js';
import { countSchema, nameSchema, textSchema } from '../upstream-chunk.js';

const index = z.int().min(0).max(4_095);
const inputCounts = {
  input_tokens: countSchema.nullish(),
  cache_creation_input_tokens: countSchema.nullish(),
  cache_read_input_tokens: countSchema.nullish(),
};
const blockSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: textSchema.default('') }),
  z.object({ type: z.literal('tool_use'), id: nameSchema.min(1), name: nameSchema.min(1), input: z.looseObject({}) }),
  z.object({ type: z.literal('thinking'), thinking: textSchema.default('') }),
  z.object({ type: z.literal('redacted_thinking') }),
]);
const deltaSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text_delta'), text: textSchema }),
  z.object({ type: z.literal('input_json_delta'), partial_json: textSchema }),
  z.object({ type: z.literal('thinking_delta'), thinking: textSchema }),
  z.object({ type: z.literal('signature_delta') }),
]);
const eventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message_start'),
    message: z.object({
      id: nameSchema.nullish(),
      model: nameSchema.nullish(),
      role: z.literal('assistant'),
      content: z.array(z.unknown()).max(0),
      usage: z.object({ ...inputCounts, output_tokens: countSchema.nullish() }).nullish(),
    }),
  }),
  z.object({ type: z.literal('content_block_start'), index, content_block: blockSchema }),
  z.object({ type: z.literal('content_block_delta'), index, delta: deltaSchema }),
  z.object({ type: z.literal('content_block_stop'), index }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish() }),
    usage: z.object({ ...inputCounts, output_tokens: countSchema.nullish() }).nullish(),
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('error'), error: z.object({ type: z.string().max(64) }) }),
]);
type Event = z.infer<typeof eventSchema>;
type Block = z.infer<typeof blockSchema>;
const KNOWN: ReadonlySet<string> = new Set(eventSchema.options.map(({ shape }) => shape.type.value));

/** What the API calls the ends of an answer that are ends. */
const FINISHES: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
};
const ERRORS: Readonly<Record<string, ModelErrorCode>> = {
  authentication_error: 'upstream_auth',
  permission_error: 'upstream_auth',
  rate_limit_error: 'upstream_rate_limited',
  timeout_error: 'upstream_timeout',
};

interface OpenBlock {
  readonly index: number;
  readonly block: Block;
  /** Which call of the answer it is. */
  readonly call: number;
  hasArguments: boolean;
}

/** The events of one message, in the order that the API promises, as chunks of a chat completion. */
export class AnthropicEvents {
  #state: 'before' | 'within' | 'stopped' | 'over' = 'before';
  #open: OpenBlock | undefined;
  #blocks = 0;
  #calls = 0;
  #input = 0;
  #output: number | undefined;

  /**
   * What one event says, if anything; `end` where the message has come to its end.
   * @throws {ModelError} upstream_unavailable for what is no event, or not in its place; what the server says went wrong
   */
  read(data: string): UpstreamChunk | 'end' | undefined {
    const event = parseEvent(data);
    if (event === undefined) return undefined;
    if (event.type === 'error') throw saidError(event.error.type);
    // guard: anthropic-order
    if ((event.type === 'message_start') !== (this.#state === 'before') || this.#state === 'over')
      throw brokenAnswer('an event of a message is out of place');
    switch (event.type) {
      case 'message_start':
        return this.#start(event);
      case 'content_block_start':
        return this.#openBlock(event);
      case 'content_block_delta':
        return this.#addTo(event);
      case 'content_block_stop':
        return this.#closeBlock(event);
      case 'message_delta':
        return this.#finish(event);
      default:
        return this.#stop();
    }
  }

  #stop(): 'end' {
    this.#state = 'over';
    return 'end';
  }

  #start({ message: { id, model, usage } }: Event & { type: 'message_start' }): UpstreamChunk {
    this.#state = 'within';
    this.#count(usage);
    return { ...chunkOf({ role: 'assistant', content: '' }), id: id || undefined, model: model || undefined };
  }

  #openBlock({ index: at, content_block: block }: Event & { type: 'content_block_start' }): UpstreamChunk | undefined {
    // guard: anthropic-block
    if (this.#open !== undefined || at !== this.#blocks || this.#state !== 'within')
      throw brokenAnswer('a block of a message is out of place');
    this.#blocks += 1;
    this.#open = { index: at, block, call: this.#calls, hasArguments: false };
    if (block.type === 'text') return saying({ content: block.text });
    if (block.type === 'thinking') return saying({ reasoning_content: block.thinking });
    if (block.type !== 'tool_use') return undefined;
    this.#calls += 1;
    const { id, name } = block;
    const call = { index: this.#open.call, id, type: 'function', function: { name, arguments: '' } } as const;
    return chunkOf({ tool_calls: [call] });
  }

  #addTo({ index: at, delta }: Event & { type: 'content_block_delta' }): UpstreamChunk | undefined {
    const open = this.#opened(at);
    const { type } = open.block;
    if (delta.type === 'text_delta' && type === 'text') return saying({ content: delta.text });
    if (delta.type === 'thinking_delta' && type === 'thinking') return saying({ reasoning_content: delta.thinking });
    if (delta.type === 'signature_delta' && type === 'thinking') return undefined;
    // guard: anthropic-delta
    if (delta.type !== 'input_json_delta' || type !== 'tool_use')
      throw brokenAnswer('a block of a message has a piece of another kind');
    if (delta.partial_json === '') return undefined;
    open.hasArguments = true;
    return argumentsOf(open, delta.partial_json);
  }

  #closeBlock({ index: at }: Event & { type: 'content_block_stop' }): UpstreamChunk | undefined {
    const open = this.#opened(at);
    this.#open = undefined;
    if (open.block.type !== 'tool_use' || open.hasArguments) return undefined;
    return argumentsOf(open, JSON.stringify(open.block.input));
  }

  #opened(at: number): OpenBlock {
    // guard: anthropic-open-block
    if (this.#open?.index !== at) throw brokenAnswer('a piece of a message belongs to no block that is open');
    return this.#open;
  }

  #finish({ delta: { stop_reason: reason }, usage }: Event & { type: 'message_delta' }): UpstreamChunk | undefined {
    this.#count(usage);
    if (!reason) return undefined;
    // guard: anthropic-end
    if (this.#open !== undefined || this.#state !== 'within')
      throw brokenAnswer('it ends in the middle of a block', 'cut');
    this.#state = 'stopped';
    const finish = Object.hasOwn(FINISHES, reason) ? FINISHES[reason] : undefined;
    // guard: anthropic-withheld
    if (finish === undefined) throw brokenAnswer('it was withheld, or ended for a reason that is no end', 'withheld');
    return { ...chunkOf({}, finish), usage: this.#usage };
  }

  /** Counts are of the whole message so far. What came from a cache was asked too. */
  #count(usage: (Event & { type: 'message_delta' })['usage']): void {
    if (!usage) return;
    const { input_tokens: fresh, cache_creation_input_tokens: kept, cache_read_input_tokens: read } = usage;
    if (typeof fresh === 'number') this.#input = fresh + (kept ?? 0) + (read ?? 0);
    this.#output = usage.output_tokens ?? this.#output;
  }

  get #usage(): UpstreamChunk['usage'] {
    if (this.#output === undefined) return undefined;
    return {
      prompt_tokens: this.#input,
      completion_tokens: this.#output,
      total_tokens: this.#input + this.#output,
    };
  }
}

/** Kinds of events that are not known come with a newer server, and hold nothing of an answer: the API says so. */
function parseEvent(data: string): Event | undefined {
  const value = parseJson(data);
  const type = z.object({ type: z.string() }).safeParse(value).data?.type;
  if (type !== undefined && !KNOWN.has(type)) return undefined;
  const event = eventSchema.safeParse(value);
  // guard: anthropic-event
  if (!event.success) throw brokenAnswer('an event is not one that a message has');
  return event.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function saidError(type: string): ModelError {
  const code = Object.hasOwn(ERRORS, type) ? ERRORS[type] : undefined;
  return new ModelError(code ?? 'upstream_unavailable', 'the upstream says that its answer failed', { cause: 'cut' });
}

function saying(delta: ModelDelta): UpstreamChunk | undefined {
  return Object.values(delta).some((text) => text !== '') ? chunkOf(delta) : undefined;
}

function argumentsOf({ call }: OpenBlock, text: string): UpstreamChunk {
  return chunkOf({ tool_calls: [{ index: call, function: { arguments: text } }] });
}

function chunkOf(delta: ModelDelta, finish_reason: FinishReason | null = null): UpstreamChunk {
  const choices = [{ index: 0, delta, finish_reason }];
  return { id: undefined, created: undefined, model: undefined, choices, usage: undefined, more: {} };
}
