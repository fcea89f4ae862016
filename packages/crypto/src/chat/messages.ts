import * as z from '#zod';
import { CryptoError } from '../names/errors.js';
import {
  DATA_BYTES_MAX,
  FILE_TYPES,
  IMAGE_TYPES,
  MESSAGES_MAX,
  PARTS_MAX,
  TOOL_NAME_PATTERN,
  TOOLS_MAX,
} from '../names/chat.js';
import { visibleNameSchema } from '../tokens/claims.js';
import { dataUrlBytes, dataUrlSchema } from './data-url.js';

/** Messages as OpenAI's chat completions have them, without what would make a responder fetch something. */

export const toolNameSchema = z.string().check(z.regex(TOOL_NAME_PATTERN));
const callIdSchema = visibleNameSchema(256);

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const refusalPart = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });
const imagePart = z.strictObject({
  type: z.literal('image_url'),
  image_url: z.strictObject({
    url: dataUrlSchema(IMAGE_TYPES),
    detail: z.optional(z.enum(['auto', 'low', 'high'])),
  }),
});
const filePart = z.strictObject({
  type: z.literal('file'),
  file: z.strictObject({ file_data: dataUrlSchema(FILE_TYPES), filename: z.optional(visibleNameSchema(256)) }),
});

const partsOf = <Part extends z.core.SomeType>(part: Part) =>
  z.union([z.string(), z.array(part).check(z.minLength(1), z.maxLength(PARTS_MAX))]);
const textContent = partsOf(textPart);

const toolCallSchema = z.strictObject({
  id: callIdSchema,
  type: z.literal('function'),
  /** `arguments` is text: what a model wrote, be it JSON or not. */
  function: z.strictObject({ name: toolNameSchema, arguments: z.string() }),
});
/** A call of a tool that a model asked for. */
export type ToolCall = z.infer<typeof toolCallSchema>;

const userMessage = z.strictObject({
  role: z.literal('user'),
  content: partsOf(z.discriminatedUnion('type', [textPart, imagePart, filePart])),
});
const assistantMessage = z
  .strictObject({
    role: z.literal('assistant'),
    content: z.optional(z.nullable(partsOf(z.discriminatedUnion('type', [textPart, refusalPart])))),
    refusal: z.optional(z.nullable(z.string())),
    tool_calls: z.optional(z.array(toolCallSchema).check(z.minLength(1), z.maxLength(TOOLS_MAX))),
  })
  .check(
    // guard: message-says-something
    z.refine(({ content, refusal, tool_calls: calls }) => (content ?? refusal ?? calls ?? null) !== null),
  );
const toolMessage = z.strictObject({ role: z.literal('tool'), content: textContent, tool_call_id: callIdSchema });
const instructing = z.strictObject({ role: z.enum(['system', 'developer']), content: textContent });

// guard: question-system without:
//   const askerMessage = z.discriminatedUnion('role', [userMessage, assistantMessage, toolMessage, instructing]);
const askerMessage = z.discriminatedUnion('role', [userMessage, assistantMessage, toolMessage]);
const chatMessage = z.discriminatedUnion('role', [userMessage, assistantMessage, toolMessage, instructing]);

/** What an asker adds to a stored prompt: never an instruction. */
export const askerMessagesSchema = z.array(askerMessage).check(z.maxLength(MESSAGES_MAX));
/** The messages of a chat without a stored prompt. */
export const chatMessagesSchema = z.array(chatMessage).check(z.maxLength(MESSAGES_MAX));
export type AskerMessage = z.infer<typeof askerMessage>;
export type ChatMessage = z.infer<typeof chatMessage>;

/** What a message says in words: its text, or that of its parts. */
export function messageText({ content }: Pick<ChatMessage, 'content'>): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/**
 * Looks at what the `data:` URLs of all messages hold together.
 * @throws {CryptoError} payload_too_large
 */
export function requireDataSize(messages: readonly ChatMessage[]): void {
  const bytes = messages.flatMap(dataUrlsOf).reduce((sum, url) => sum + dataUrlBytes(url), 0);
  // guard: question-data-size
  if (bytes > DATA_BYTES_MAX)
    throw new CryptoError('payload_too_large', `images and files hold more than ${DATA_BYTES_MAX} bytes together`);
}

function dataUrlsOf({ content }: ChatMessage): string[] {
  if (typeof content === 'string') return [];
  return (content ?? []).flatMap((part) => {
    if (part.type === 'image_url') return part.image_url.url;
    return part.type === 'file' ? part.file.file_data : [];
  });
}
