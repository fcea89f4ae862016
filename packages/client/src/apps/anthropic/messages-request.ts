import type { ModelParameters } from '@bulla/crypto';
import * as z from 'zod';
import type { AppObject } from '../app-body.js';
import type { AppSurfaceOptions } from '../app-call.js';
import { refused } from '../app-errors.js';
import type { AppQuestion } from '../app-question.js';
import { promptNamed } from '../app-question.js';
import { checkedQuestion } from '../checked-question.js';
import { readPromptVars } from '../openai/prompt-vars.js';
import { readMembers, shaped } from '../request-members.js';
import { chatMessages } from './messages-input.js';
import { MESSAGES_MEMBERS } from './messages-members.js';
import { chatTools } from './messages-tools.js';

const PLACES = {
  stop: '/stop_sequences',
  reasoning_effort: '/output_config/effort',
  response_format: '/output_config/format',
};
const formatSchema = z.strictObject({
  type: z.literal('json_schema', { error: 'must be json_schema' }),
  schema: z.record(z.string(), z.unknown()),
});
const outputSchema = z.strictObject({ effort: z.string().nullish(), format: formatSchema.nullish() });
const stopSchema = z.array(z.string()).max(4, { error: 'must be at most four' });
/** OpenAI's interface wants a name for the schema of an answer; Anthropic's has none. */
const FORMAT_NAME = 'answer';

/** A request to `POST /messages`. */
export interface MessagesRequest {
  readonly question: AppQuestion & { readonly model: string };
  readonly stream: boolean;
}

/**
 * Reads a request to `POST /messages` of Anthropic's interface.
 * @throws {BullaError} validation_failed that names the member
 * @see docs/guide/own-sdk.md
 */
export function readMessages(
  body: AppObject,
  { passUnknown = false }: Pick<AppSurfaceOptions, 'passUnknown'>,
): MessagesRequest {
  const model = shaped(body['model'], z.string(), ['model']);
  const isPrompt = promptNamed(model) !== undefined;
  const members = readMembers(body, MESSAGES_MEMBERS, passUnknown && !isPrompt);
  const { system, messages, max_tokens: maxTokens, stream = false } = members;
  // guard: messages-prompt-system
  if (isPrompt && system !== undefined) throw refused('/system', 'must not be there: the prompt instructs');
  const question = {
    model,
    messages: chatMessages(system, messages),
    vars: readPromptVars(members['metadata']),
    parameters: parametersOf(members),
    maxOutputTokens: shaped(maxTokens, z.int().min(1), ['max_tokens']),
  };
  checkedQuestion(question, PLACES);
  return { question, stream: shaped(stream, z.boolean(), ['stream']) };
}

function parametersOf(members: AppObject): ModelParameters {
  const { temperature, top_p: topP, stop_sequences: stops = [] } = members;
  const stop = shaped(stops, stopSchema, ['stop_sequences']);
  return {
    ...(temperature !== undefined && { temperature: shaped(temperature, z.number(), ['temperature']) }),
    ...(topP !== undefined && { top_p: shaped(topP, z.number(), ['top_p']) }),
    ...(stop.length > 0 && { stop }),
    ...outputOf(members['output_config']),
    ...chatTools(members['tools'], members['tool_choice']),
  };
}

function outputOf(config: unknown = {}): ModelParameters {
  const { effort, format } = shaped(config, outputSchema, ['output_config']);
  const schema = format?.schema;
  return {
    ...(effort && { reasoning_effort: effort }),
    ...(schema && {
      response_format: { type: 'json_schema', json_schema: { name: FORMAT_NAME, schema, strict: true } },
    }),
  };
}
