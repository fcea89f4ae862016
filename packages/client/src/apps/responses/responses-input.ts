import type { ChatMessage, ToolCall } from '@bulla/crypto';
import * as z from 'zod';
import type { BullaError } from '../../connection/errors.js';
import { isAppObject } from '../app-body.js';
import { refused } from '../app-errors.js';
import { pointerTo, shaped, shapedList, typeOf } from '../request-members.js';
import { fileDataUrl, imageDataUrl, plainText } from '../message-parts.js';
import type { MessagePart } from '../message-parts.js';

/** What a server says of a part, or its SDK adds, and nobody reads again. */
const hint = z.unknown().optional();
const textSchema = z.strictObject({
  type: z.enum(['input_text', 'output_text', 'text']),
  text: z.string(),
  annotations: hint,
  logprobs: hint,
  parsed: hint,
  prompt_cache_breakpoint: hint,
});
const refusalSchema = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });
const imageSchema = z.strictObject({
  type: z.literal('input_image'),
  image_url: imageDataUrl,
  detail: z.enum(['auto', 'low', 'high']).nullish(),
  prompt_cache_breakpoint: hint,
});
const fileSchema = z.strictObject({
  type: z.literal('input_file'),
  file_data: fileDataUrl,
  filename: z.string().nullish(),
  prompt_cache_breakpoint: hint,
});

const GIVEN = 'is not passed on: only input_text, and input_image and input_file as data: URLs, are';
const contentOf = <Part extends z.ZodType>(part: Part) => z.union([z.string(), z.array(part)]);
const givenPart = z.discriminatedUnion('type', [textSchema, imageSchema, fileSchema], { error: GIVEN });
const saidPart = z.discriminatedUnion('type', [textSchema, refusalSchema], {
  error: 'is not passed on: only output_text and refusal are',
});

const itemMembers = { id: hint, status: hint, phase: hint, end_turn: hint };
/** A model calls a function, and no program of a server does. */
const callMembers = {
  caller: z.looseObject({ type: z.literal('direct') }).nullish(),
  namespace: z.null().optional(),
  async: z.literal(false).optional(),
};
const messageSchema = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: contentOf(z.unknown()),
  ...itemMembers,
});
const callSchema = z.strictObject({
  type: z.literal('function_call'),
  call_id: z.string(),
  name: z.string(),
  arguments: z.string(),
  parsed_arguments: hint,
  ...callMembers,
  ...itemMembers,
});
const outputSchema = z.strictObject({
  type: z.literal('function_call_output'),
  call_id: z.string(),
  output: contentOf(z.unknown()),
  name: hint,
  caller: callMembers.caller,
  namespace: callMembers.namespace,
  ...itemMembers,
});

/** Items that only their vendor can make something of, by name. */
const ELSEWHERE = new Map([
  ['item_reference', 'no answer is kept at a server here: send the item itself, as SDKs do with store: false'],
  ['compaction', 'only its vendor can read it: send the conversation itself'],
  ['custom_tool_call', 'only functions are'],
  ['custom_tool_call_output', 'only functions are'],
  ...['web_search_call', 'file_search_call', 'code_interpreter_call', 'image_generation_call', 'computer_call']
    .concat('computer_call_output', 'local_shell_call', 'local_shell_call_output', 'shell_call', 'shell_call_output')
    .concat('apply_patch_call', 'apply_patch_call_output', 'mcp_list_tools', 'mcp_call', 'mcp_approval_request')
    .concat('mcp_approval_response', 'tool_search_call', 'tool_search_output')
    .map((type) => [type, 'only calls of functions are'] as const),
]);

type AssistantMessage = Extract<ChatMessage, { role: 'assistant' }>;

/**
 * The input of a response as messages of a chat.
 * @param input text, or a list of items.
 * @throws {BullaError} validation_failed that names the item
 */
export function messagesOf(input: unknown): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input)) throw refused('/input', 'must be text or a list of items');
  const messages = new InputMessages();
  for (const [at, item] of input.entries()) messages.add(item, ['input', at]);
  return messages.end();
}

function unknownItem(type: string | undefined, at: readonly PropertyKey[]): BullaError {
  const why = type === undefined ? undefined : ELSEWHERE.get(type);
  return refused(
    pointerTo(at),
    why === undefined ? 'is no item that is known here' : `is ${type}, which is not passed on: ${why}`,
  );
}

/** Messages as their items come: what a model said and the calls it made at once are one message. */
class InputMessages {
  readonly #messages: ChatMessage[] = [];
  /** Of results: the message of a tool has text alone, so they come after it. */
  #pictures: MessagePart[] = [];

  add(item: unknown, at: readonly PropertyKey[]): void {
    const type = isAppObject(item) && item['type'] === undefined ? 'message' : typeOf(item);
    if (type === 'reasoning') return;
    if (type !== 'function_call_output') this.#showPictures();
    if (type === 'message') this.#message(item, at);
    else if (type === 'function_call') this.#call(item, at);
    else if (type === 'function_call_output') this.#output(item, at);
    else throw unknownItem(type, [...at, 'type']);
  }

  end(): ChatMessage[] {
    this.#showPictures();
    return this.#messages;
  }

  #message(item: unknown, at: readonly PropertyKey[]): void {
    const { role, content } = shaped(item, messageSchema, at);
    const inside = [...at, 'content'];
    if (role === 'user') this.#messages.push({ role, content: given(content, inside) });
    else if (role === 'assistant') this.#messages.push(said(content, inside));
    else this.#messages.push({ role, content: plainText(given(content, inside), inside) });
  }

  #call(item: unknown, at: readonly PropertyKey[]): void {
    const { call_id: id, name, arguments: text } = shaped(item, callSchema, at);
    const call: ToolCall = { id, type: 'function', function: { name, arguments: text } };
    const last = this.#messages.at(-1);
    if (last?.role !== 'assistant') this.#messages.push({ role: 'assistant', content: null, tool_calls: [call] });
    else last.tool_calls = [...(last.tool_calls ?? []), call];
  }

  #output(item: unknown, at: readonly PropertyKey[]): void {
    const { call_id: id, output } = shaped(item, outputSchema, at);
    const parts = given(output, [...at, 'output']);
    const isText = typeof parts === 'string';
    const content = isText ? parts : parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('');
    this.#messages.push({ role: 'tool', tool_call_id: id, content });
    if (!isText) this.#pictures.push(...parts.filter(({ type }) => type !== 'text'));
  }

  #showPictures(): void {
    if (this.#pictures.length > 0) this.#messages.push({ role: 'user', content: this.#pictures });
    this.#pictures = [];
  }
}

function given(content: string | unknown[], at: readonly PropertyKey[]): string | MessagePart[] {
  if (typeof content === 'string') return content;
  const parts = shapedList(content, givenPart, at).map((part): MessagePart => {
    if (part.type === 'input_image') {
      const { image_url: url, detail } = part;
      return { type: 'image_url', image_url: { url, ...(detail && { detail }) } };
    }
    if (part.type !== 'input_file') return { type: 'text', text: part.text };
    const { file_data: data, filename } = part;
    return { type: 'file', file: { file_data: data, ...(filename && { filename }) } };
  });
  return oneText(parts);
}

/** One part of text is text: more servers know that. */
function oneText(parts: MessagePart[]): string | MessagePart[] {
  const [first, ...others] = parts;
  if (first === undefined) return '';
  return first.type === 'text' && others.length === 0 ? first.text : parts;
}

function said(content: string | unknown[], at: readonly PropertyKey[]): AssistantMessage {
  if (typeof content === 'string') return { role: 'assistant', content };
  const parts = shapedList(content, saidPart, at);
  const text = parts.flatMap((part) => (part.type === 'refusal' ? [] : part.text)).join('');
  const refusing = parts.flatMap((part) => (part.type === 'refusal' ? part.refusal : [])).join('');
  return refusing === ''
    ? { role: 'assistant', content: text }
    : { role: 'assistant', content: text === '' ? null : text, refusal: refusing };
}
