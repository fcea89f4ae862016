import type { ModelCapability } from '@bulla/contract';
import type { ModelMessage, ModelRequest } from './model.js';

/** What changes which words are drawn. */
const SAMPLING = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'logit_bias', 'seed'] as const;

/** What a request cannot do without, so that nothing in it is left out without a word. */
export function needsOf({ messages, parameters = {}, embeddings }: ModelRequest): readonly ModelCapability[] {
  if (embeddings !== undefined) return ['embeddings'];
  const { tools, response_format: format, logprobs, top_logprobs: top, n = 1 } = parameters;
  const parts = new Set(messages.flatMap(partTypes));
  const needed: Readonly<Record<ModelCapability, boolean>> = {
    chat: true,
    embeddings: false,
    tools: tools !== undefined || messages.some(speaksOfTools),
    images: parts.has('image_url'),
    files: parts.has('file'),
    json_schema: format?.type === 'json_schema',
    reasoning: parameters.reasoning_effort !== undefined || parameters.verbosity !== undefined,
    logprobs: logprobs === true || top !== undefined,
    sampling: SAMPLING.some((name) => parameters[name] !== undefined),
    choices: n > 1,
  };
  return (Object.keys(needed) as ModelCapability[]).filter((name) => needed[name]);
}

function partTypes({ content }: ModelMessage): string[] {
  return Array.isArray(content) ? content.map(({ type }) => type) : [];
}

function speaksOfTools(message: ModelMessage): boolean {
  return message.role === 'tool' || (message.role === 'assistant' && message.tool_calls !== undefined);
}
