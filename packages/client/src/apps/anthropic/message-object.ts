import type { Completion, CompletionChoice, CompletionUsage } from '@bulla/crypto';
import { bullaError } from '../../connection/errors.js';
import { isAppObject } from '../app-body.js';

/** What a message is called by. */
export interface MessageFrame {
  /** `msg_…` */
  readonly id: string;
  readonly model: string;
}

/** A block of a message, in Anthropic's shape. */
export type MessageBlock =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: unknown };

/** A message, in Anthropic's shape. */
export type MessageObject = Readonly<Record<string, unknown>> & {
  readonly content: readonly MessageBlock[];
  readonly stop_reason: string | null;
};

/** A message that has not ended. */
export function pendingMessage(frame: MessageFrame): MessageObject {
  return { ...frameMembers(frame), content: [], stop_reason: null, usage: messageUsage(undefined) };
}

/** The message that a verified answer is. @throws {BullaError} upstream_unavailable as {@link blocksOf} */
export function messageOf(completion: Completion, frame: MessageFrame): MessageObject {
  const [choice] = completion.choices;
  return {
    ...frameMembers(frame),
    ...(completion.model !== '' && { model: completion.model }),
    content: choice === undefined ? [] : blocksOf(choice, frame),
    stop_reason: stopReason(choice),
    usage: messageUsage(completion.usage),
  };
}

/**
 * What a message consists of.
 * @throws {BullaError} upstream_unavailable where a tool was called with what is no JSON object: a block cannot hold it
 */
export function blocksOf({ message }: CompletionChoice, { id }: MessageFrame): MessageBlock[] {
  const text = `${message.content ?? ''}${message.refusal ?? ''}`;
  const calls = (message.tool_calls ?? []).map((call, index): MessageBlock => {
    const { name, arguments: written } = call.function;
    const callId = call.id === '' ? `${id.replace('msg_', 'toolu_')}${index.toString(16).padStart(2, '0')}` : call.id;
    return { type: 'tool_use', id: callId, name, input: inputOf(written) };
  });
  return text === '' ? calls : [{ type: 'text', text }, ...calls];
}

function inputOf(written: string): unknown {
  const input = parsed(written === '' ? '{}' : written);
  // guard: message-tool-input
  if (!isAppObject(input)) {
    const message = 'the model called a tool with arguments that are not a JSON object: ask again';
    throw bullaError('upstream_unavailable', { message, origin: 'provider', status: 502, retryable: true });
  }
  return input;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Which of the places to stop ended it, a chat does not say. */
function stopReason(choice: CompletionChoice | undefined): string {
  if (choice === undefined) return 'end_turn';
  const { finish_reason: reason, message } = choice;
  if (reason === 'length') return 'max_tokens';
  if (reason === 'content_filter' || message.refusal) return 'refusal';
  return message.tool_calls === undefined ? 'end_turn' : 'tool_use';
}

/** Tokens as Anthropic's interface counts them: what came from a cache is not in `input_tokens`. */
export function messageUsage(usage: CompletionUsage | undefined): Readonly<Record<string, unknown>> {
  const details = usage?.['prompt_tokens_details'];
  const told = isAppObject(details) ? details['cached_tokens'] : undefined;
  const cached = typeof told === 'number' ? told : 0;
  return {
    input_tokens: Math.max(0, (usage?.prompt_tokens ?? 0) - cached),
    cache_creation_input_tokens: null,
    cache_read_input_tokens: cached,
    output_tokens: usage?.completion_tokens ?? 0,
    server_tool_use: null,
  };
}

function frameMembers({ id, model }: MessageFrame): Readonly<Record<string, unknown>> {
  return { id, type: 'message', role: 'assistant', model, stop_sequence: null };
}
