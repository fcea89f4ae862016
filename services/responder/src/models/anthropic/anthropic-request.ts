import type { ModelCapability } from '@bulla/contract';
import type { ModelParameters } from '@bulla/crypto';
import { decodeUtf8, messageText } from '@bulla/crypto';
import type { ModelMessage, ModelRequest } from '../model.js';
import { ModelError } from '../model-error.js';

/** The versions of the Messages API: the older one still knows a temperature. */
export const ANTHROPIC_VERSIONS = ['2026-10-21', '2023-06-01'] as const;
export type AnthropicVersion = (typeof ANTHROPIC_VERSIONS)[number];

export function isAnthropicVersion(version: string): version is AnthropicVersion {
  return ANTHROPIC_VERSIONS.some((one) => one === version);
}

/** The API wants a limit; where a question has none, this is enough for most models and a long letter. */
const OUTPUT_TOKENS_DEFAULT = 8_192;
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];
const NO_EFFORTS = ['none', 'minimal'];

export interface AnthropicDialect {
  readonly version: AnthropicVersion;
  /** Tokens to think with, for models that take a budget and no effort. */
  readonly thinkingBudget?: number | undefined;
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: readonly object[];
}

/** How many tokens an answer may have, what is thought before it included. */
export function outputTokens(request: ModelRequest, thinking: Thinking): number {
  return (request.maxOutputTokens ?? OUTPUT_TOKENS_DEFAULT) + (thinking.budget ?? 0);
}

/** What is said of thinking: members of the request, and how many tokens it may take beside the answer. */
export interface Thinking {
  readonly members: { readonly thinking?: object; readonly effort?: string };
  readonly budget?: number;
}

/**
 * A request of the Messages API that says all that the question says.
 * @throws {ModelError} model_incapable for what this API cannot be asked
 */
export function anthropicRequest(model: string, request: ModelRequest, dialect: AnthropicDialect): object {
  const { messages, parameters = {} } = request;
  const system = messages.filter(instructs).map(messageText).join('\n\n');
  const thinking = thinkingOf(request, dialect);
  const { effort, ...thought } = thinking.members;
  const format = formatOf(parameters);
  const output = { ...(effort && { effort }), ...(format && { format }) };
  const stop = typeof parameters.stop === 'string' ? [parameters.stop] : parameters.stop;
  return {
    model,
    max_tokens: outputTokens(request, thinking),
    ...(system !== '' && { system }),
    messages: turnsOf(messages.filter((message) => !instructs(message))),
    stream: true,
    ...samplingOf(parameters, dialect),
    ...(stop && { stop_sequences: stop }),
    ...toolsOf(parameters),
    ...thought,
    ...(Object.keys(output).length > 0 && { output_config: output }),
  };
}

/** @throws {ModelError} model_incapable for an effort that this API does not know */
export function thinkingOf(
  { parameters = {}, messages }: ModelRequest,
  { thinkingBudget }: AnthropicDialect,
): Thinking {
  const { reasoning_effort: effort, verbosity } = parameters;
  // guard: anthropic-effort
  if (verbosity !== undefined || (effort !== undefined && !EFFORTS.includes(effort) && !NO_EFFORTS.includes(effort)))
    throw cannot('reasoning');
  if (effort === undefined) return { members: {} };
  // Within a tool loop the API wants back what was thought before, and our messages have no place for it.
  const isInLoop = messages.at(-1)?.role === 'tool';
  if (NO_EFFORTS.includes(effort) || (thinkingBudget !== undefined && isInLoop))
    return { members: { thinking: { type: 'disabled' } } };
  if (thinkingBudget === undefined) return { members: { thinking: { type: 'adaptive' }, effort } };
  const members = { thinking: { type: 'enabled', budget_tokens: thinkingBudget } };
  return { members, budget: thinkingBudget };
}

function instructs({ role }: ModelMessage): boolean {
  return role === 'system' || role === 'developer';
}

/** @throws {ModelError} model_incapable */
function samplingOf(parameters: ModelParameters, { version }: AnthropicDialect): object {
  const { temperature, top_p, presence_penalty, frequency_penalty, logit_bias, seed } = parameters;
  const others = [presence_penalty, frequency_penalty, logit_bias, seed].some((one) => one !== undefined);
  const some = temperature !== undefined || top_p !== undefined;
  // guard: anthropic-sampling
  if (others || (some && version !== '2023-06-01') || (temperature ?? 0) > 1) throw cannot('sampling');
  return { ...(temperature !== undefined && { temperature }), ...(top_p !== undefined && { top_p }) };
}

/** @throws {ModelError} model_incapable for any object without a schema */
function formatOf({ response_format: format }: ModelParameters): object | undefined {
  if (format === undefined || format.type === 'text') return undefined;
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined;
  // guard: anthropic-format
  if (schema === undefined) throw cannot('json_schema');
  return { type: 'json_schema', schema };
}

function toolsOf({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ModelParameters): object {
  if (tools === undefined) return {};
  return {
    tools: tools.map(({ function: { name, description, parameters = { type: 'object' }, strict } }) => ({
      name,
      ...(description !== undefined && { description }),
      input_schema: parameters,
      ...(strict === true && { strict }),
    })),
    ...toolChoiceOf(choice, parallel),
  };
}

function toolChoiceOf(choice: ModelParameters['tool_choice'], parallel: boolean | undefined): object {
  if (choice === 'none') return { tool_choice: { type: 'none' } };
  const one = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (choice === undefined && parallel !== false) return {};
  if (choice === undefined || choice === 'auto') return { tool_choice: { type: 'auto', ...one } };
  if (choice === 'required') return { tool_choice: { type: 'any', ...one } };
  return { tool_choice: { type: 'tool', name: choice.function.name, ...one } };
}

/** Messages of one side that follow each other are one turn: the results of parallel calls have to be. */
function turnsOf(messages: readonly ModelMessage[]): Turn[] {
  const turns: { role: Turn['role']; content: object[] }[] = [];
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) turns.push({ role, content });
  }
  return turns;
}

function blocksOf(message: ModelMessage): object[] {
  if (message.role === 'tool')
    return [{ type: 'tool_result', tool_use_id: message.tool_call_id, content: messageText(message) }];
  if (message.role === 'assistant') {
    const said = [messageText(message), message.refusal ?? refusalIn(message)].filter((text) => text !== '');
    return [...said.map(textBlock), ...(message.tool_calls ?? []).map(callBlock)];
  }
  if (typeof message.content === 'string') return message.content === '' ? [] : [textBlock(message.content)];
  return (message.content ?? []).flatMap((part) => {
    if (part.type === 'text') return part.text === '' ? [] : [textBlock(part.text)];
    if (part.type === 'image_url') return [{ type: 'image', source: sourceOf(part.image_url.url) }];
    return part.type === 'file' ? [fileBlock(part.file)] : [];
  });
}

function refusalIn({ content }: ModelMessage): string {
  if (!Array.isArray(content)) return '';
  return content.map((part) => (part.type === 'refusal' ? part.refusal : '')).join('');
}

const textBlock = (text: string) => ({ type: 'text', text });

/** @throws {ModelError} model_incapable for arguments that are no object */
function callBlock({
  id,
  function: { name, arguments: text },
}: {
  id: string;
  function: { name: string; arguments: string };
}): object {
  const input = objectOf(text === '' ? '{}' : text);
  // guard: anthropic-arguments
  if (input === undefined) throw cannot('tools');
  return { type: 'tool_use', id, name, input };
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Of a `data:` URL, which has one form. */
function sourceOf(url: string): { type: 'base64'; media_type: string; data: string } {
  const comma = url.indexOf(',');
  return { type: 'base64', media_type: url.slice('data:'.length, url.indexOf(';')), data: url.slice(comma + 1) };
}

/** A PDF goes as it is; every other file is a text. @throws {ModelError} model_incapable for one that is not UTF-8 */
function fileBlock({ file_data: url, filename }: { file_data: string; filename?: string | undefined }): object {
  const source = sourceOf(url);
  const title = filename === undefined ? {} : { title: filename };
  if (source.media_type === 'application/pdf') return { type: 'document', source, ...title };
  const text = textOf(source.data);
  // guard: anthropic-file
  if (text === undefined) throw cannot('files');
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
}

function textOf(base64: string): string | undefined {
  try {
    return decodeUtf8(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

function cannot(what: ModelCapability): ModelError {
  return new ModelError('model_incapable', `the Messages API cannot be asked for this: ${what}`, {
    cause: `needs_${what}`,
  });
}
