import type { Completion, CompletionChunk } from '@bulla/crypto';
import { respondStreamed, respondWhole } from '../app-answer.js';
import type { AppObject } from '../app-body.js';
import { readAppBody, withoutNulls } from '../app-body.js';
import type { AppCall } from '../app-call.js';
import { refused } from '../app-errors.js';
import type { AppResponse } from '../app-request.js';
import { ChunkWriter } from './chat-completions.js';
import { readChatRequest } from './chat-request.js';

/** Members of chats that this interface does not have. */
const OF_CHATS = ['messages', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format'];
/** Members that chats do not have, and the value with which they ask for nothing. */
const NOTHING: Readonly<Record<string, unknown>> = { echo: false, best_of: 1, logprobs: 0, suffix: '' };

/** `POST /completions`, the interface before chats: the text is asked as a message of the user. @throws {BullaError} */
export function answerCompletions(call: AppCall): Promise<AppResponse> {
  const { prompt, ...given } = withoutNulls(readAppBody(call.request));
  const messages = [{ role: 'user', content: promptIn(prompt) }];
  const { question, stream, includeUsage } = readChatRequest({ ...asOfAChat(given), messages }, call.options);
  if (!stream) return respondWhole(call, question, ({ completion }) => textCompletion(completion));
  return respondStreamed(call, question, new TextWriter(includeUsage));
}

function promptIn(prompt: unknown): string {
  const [text, ...more] = Array.isArray(prompt) ? (prompt as unknown[]) : [prompt];
  if (typeof text === 'string' && text !== '' && more.length === 0) return text;
  throw refused('/prompt', 'must be one text: ask for several one by one');
}

function asOfAChat(given: AppObject): AppObject {
  const kept = Object.entries(given).filter(([name, value]) => NOTHING[name] !== value);
  const wrong = kept.find(([name]) => OF_CHATS.includes(name) || Object.hasOwn(NOTHING, name));
  // guard: app-completions-members
  if (wrong !== undefined) throw refused(`/${wrong[0]}`, 'is not answered here: ask /chat/completions');
  return Object.fromEntries(kept);
}

/** The answer of a chat in the older shape: what it says is text, and nothing else. */
function textCompletion({ id, created, model, choices, usage }: Completion): object {
  return {
    id,
    object: 'text_completion',
    created,
    model,
    choices: choices.map(({ index, message, finish_reason: reason }) => textChoice(index, message.content, reason)),
    ...(usage !== undefined && { usage }),
  };
}

function textChoice(index: number, text: string | null | undefined, reason: string | null): object {
  return { text: text ?? '', index, logprobs: null, finish_reason: reason };
}

/** Chunks in the older shape. */
class TextWriter extends ChunkWriter {
  override chunk(chunk: CompletionChunk): string {
    const { id, created, model, usage } = chunk;
    const choices = chunk.choices.map(({ index, delta, finish_reason: reason }) =>
      textChoice(index, delta.content, reason),
    );
    return this.event({ id, object: 'text_completion', created, model, choices }, usage);
  }
}
