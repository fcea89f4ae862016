import type { ChatMessage, ToolCall } from '@bulla/crypto';
import * as z from 'zod';
import type { MessagePart } from '../message-parts.js';
import { fileDataUrl, imageDataUrl } from '../message-parts.js';
import { isAppObject } from '../app-body.js';
import { shaped, shapedList } from '../request-members.js';

const hint = z.unknown().optional();
const textSchema = z.strictObject({ type: z.literal('text'), text: z.string(), cache_control: hint, citations: hint });
const BASE64 = 'must be base64, since nobody here fetches an address or keeps a file';
const base64 = z.strictObject({ type: z.literal('base64'), media_type: z.string(), data: z.string() });
const imageSchema = z.strictObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [base64], { error: BASE64 }),
  cache_control: hint,
});
const documentSchema = z.strictObject({
  type: z.literal('document'),
  source: z.discriminatedUnion(
    'type',
    [base64, z.strictObject({ type: z.literal('text'), media_type: z.literal('text/plain'), data: z.string() })],
    { error: BASE64 },
  ),
  title: z.string().nullish(),
  context: z.null({ error: 'is not passed on: say it in a text' }).optional(),
  citations: z
    .looseObject({ enabled: z.literal(false, { error: 'must not be there: no citations come back' }).optional() })
    .nullish(),
  cache_control: hint,
});
const thinkingSchema = z.looseObject({ type: z.enum(['thinking', 'redacted_thinking']) });
const callSchema = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
  caller: z.looseObject({ type: z.literal('direct') }).nullish(),
  toolset_name: z.null().optional(),
  cache_control: hint,
});

const SHOWN = 'is not passed on: only text, and images and documents in base64, are';
const shownSchema = z.discriminatedUnion('type', [textSchema, imageSchema, documentSchema], { error: SHOWN });
const contentOf = <Part extends z.ZodType>(part: Part) => z.union([z.string(), z.array(part)]);
const resultSchema = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: contentOf(z.unknown()).optional(),
  is_error: z.boolean().nullish(),
  toolset_name: z.null().optional(),
  cache_control: hint,
});
const saidSchema = z.discriminatedUnion('type', [textSchema, callSchema, thinkingSchema], {
  error: 'is not passed on: only text and tool_use of the assistant are',
});
const messageSchema = z.strictObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: contentOf(z.unknown()),
});
const textOnly = z.discriminatedUnion('type', [textSchema], { error: 'takes text alone' });

/**
 * The messages of Anthropic's interface as messages of a chat.
 * @param system text, or blocks of text.
 * @throws {BullaError} validation_failed that names the block
 */
export function chatMessages(system: unknown, messages: unknown): ChatMessage[] {
  const instructions = system === undefined ? [] : instructing(textIn(system, ['system']));
  const turns = shaped(messages, z.array(z.unknown()), ['messages']);
  return [...instructions, ...turns.flatMap((turn, index) => turnOf(turn, ['messages', index]))];
}

function instructing(content: string): ChatMessage[] {
  return content === '' ? [] : [{ role: 'system', content }];
}

function textIn(content: unknown, at: readonly PropertyKey[]): string {
  if (typeof content === 'string') return content;
  const blocks = shapedList(content, textOnly, at);
  return blocks.map((block) => block.text).join('\n\n');
}

function turnOf(turn: unknown, at: readonly PropertyKey[]): ChatMessage[] {
  const { role, content } = shaped(turn, messageSchema, at);
  const inside = [...at, 'content'];
  if (role === 'system') return instructing(textIn(content, inside));
  if (typeof content === 'string') return [{ role, content }];
  return role === 'user' ? askedOf(content, inside) : saidOf(content, inside);
}

/** Results of tools come first: they answer what the model said last. */
function askedOf(blocks: readonly unknown[], at: readonly PropertyKey[]): ChatMessage[] {
  const results: ChatMessage[] = [];
  const shown: MessagePart[] = [];
  for (const [index, block] of blocks.entries()) {
    const place = [...at, index];
    if (!isAppObject(block) || block['type'] !== 'tool_result') {
      shown.push(partOf(block, place));
      continue;
    }
    const { tool_use_id: id, content = '', is_error: failed } = shaped(block, resultSchema, place);
    const parts = shownIn(content, [...place, 'content']);
    const words = parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
    results.push({ role: 'tool', tool_call_id: id, content: failed === true ? `Error: ${words}` : words });
    // A result is words alone in a chat: a picture of one is shown beside.
    shown.push(...parts.filter(({ type }) => type !== 'text'));
  }
  const [only, ...others] = shown;
  if (only === undefined) return results.length > 0 ? results : [{ role: 'user', content: '' }];
  const content = only.type === 'text' && others.length === 0 ? only.text : shown;
  return [...results, { role: 'user', content }];
}

function shownIn(content: string | readonly unknown[], at: readonly PropertyKey[]): MessagePart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return content.map((block, index) => partOf(block, [...at, index]));
}

function partOf(given: unknown, at: readonly PropertyKey[]): MessagePart {
  const block = shaped(given, shownSchema, at);
  if (block.type === 'text') return { type: 'text', text: block.text };
  if (block.type === 'image') {
    const { media_type: type, data } = block.source;
    const url = shaped(`data:${type};base64,${data}`, imageDataUrl, [...at, 'source']);
    return { type: 'image_url', image_url: { url } };
  }
  const { source, title } = block;
  if (source.type === 'text') return { type: 'text', text: title ? `${title}\n\n${source.data}` : source.data };
  const url = shaped(`data:${source.media_type};base64,${source.data}`, fileDataUrl, [...at, 'source']);
  return { type: 'file', file: { file_data: url, ...(title && { filename: title }) } };
}

function saidOf(blocks: readonly unknown[], at: readonly PropertyKey[]): ChatMessage[] {
  const words: string[] = [];
  const calls: ToolCall[] = [];
  for (const [index, block] of blocks.entries()) {
    const said = shaped(block, saidSchema, [...at, index]);
    // What was thought belongs to the server that signed it: it is passed over.
    if (said.type === 'text') words.push(said.text);
    else if (said.type === 'tool_use') calls.push(callOf(said));
  }
  const content = words.join('');
  if (calls.length === 0) return [{ role: 'assistant', content }];
  return [{ role: 'assistant', content: content === '' ? null : content, tool_calls: calls }];
}

function callOf({ id, name, input }: z.infer<typeof callSchema>): ToolCall {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } };
}
