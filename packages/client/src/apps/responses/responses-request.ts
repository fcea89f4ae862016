import type { ChatMessage, ModelParameters } from '@bulla/crypto';
import * as z from 'zod';
import type { AppObject } from '../app-body.js';
import type { AppSurfaceOptions } from '../app-call.js';
import { refused } from '../app-errors.js';
import type { AppQuestion } from '../app-question.js';
import { promptNamed } from '../app-question.js';
import { checkedQuestion } from '../checked-question.js';
import { readPromptVars } from '../openai/prompt-vars.js';
import { readMembers, shaped, shapedList } from '../request-members.js';
import { messagesOf } from './responses-input.js';
import { RESPONSES_MEMBERS } from './responses-members.js';
import { textOf, toolsOf } from './responses-tools.js';

const PLACES = {
  messages: '/input',
  reasoning_effort: '/reasoning/effort',
  verbosity: '/text/verbosity',
  response_format: '/text/format',
  logprobs: '/include',
};
/** What a request may want to be told beside the answer, and whether the model has to be asked for it. */
const INCLUDED = new Map([
  ['message.output_text.logprobs', true],
  // Codex always asks for it; no reasoning comes back, so there is nothing to include.
  ['reasoning.encrypted_content', false],
]);

const variableSchema = z.union([z.string(), z.strictObject({ type: z.literal('input_text'), text: z.string() })], {
  error: 'must be text',
});
const promptSchema = z.strictObject({
  id: z.string(),
  version: z.string().nullish(),
  variables: z.record(z.string(), variableSchema).nullish(),
});
const reasoningSchema = z.looseObject({ effort: z.string().nullish() });

/** A request to `POST /responses`, and what its answer repeats of it. */
export interface ResponsesRequest {
  readonly question: AppQuestion;
  readonly stream: boolean;
  readonly asked: AppObject;
}

/**
 * Reads a request to `POST /responses` of OpenAI's interface, without state at a server.
 * @throws {BullaError} validation_failed that names the member
 * @see docs/guide/own-sdk.md
 */
export function readResponses(
  body: AppObject,
  { passUnknown = false }: Pick<AppSurfaceOptions, 'passUnknown'>,
): ResponsesRequest {
  const stored = storedPrompt(body['prompt'] ?? undefined);
  const model = stored?.model ?? textAt(body['model'] ?? undefined, 'model');
  const isPrompt = promptNamed(model) !== undefined;
  const members = readMembers(body, RESPONSES_MEMBERS, passUnknown && !isPrompt);
  const { instructions, input, stream = false, max_output_tokens: maxTokens } = members;
  // guard: responses-prompt-instructions
  if (isPrompt && instructions !== undefined) throw refused('/instructions', 'must not be there: the prompt instructs');
  const question = {
    model,
    messages: [...instructing(instructions), ...(input === undefined ? [] : messagesOf(input))],
    vars: stored?.vars ?? readPromptVars(members['metadata']),
    parameters: parametersOf(members),
    maxOutputTokens: maxTokens === undefined ? undefined : shaped(maxTokens, z.int().min(1), ['max_output_tokens']),
  };
  return {
    question: checkedQuestion(question, PLACES),
    stream: shaped(stream, z.boolean(), ['stream']),
    asked: members,
  };
}

/** As the system: every server knows that role, and fewer know a developer. */
function instructing(instructions: unknown): ChatMessage[] {
  const said = textAt(instructions, 'instructions');
  return said === undefined || said === '' ? [] : [{ role: 'system', content: said }];
}

function parametersOf(members: AppObject): ModelParameters {
  const { temperature, top_p: topP, reasoning = {}, text } = members;
  const { effort } = shaped(reasoning, reasoningSchema, ['reasoning']);
  return {
    ...(temperature !== undefined && { temperature: shaped(temperature, z.number(), ['temperature']) }),
    ...(topP !== undefined && { top_p: shaped(topP, z.number(), ['top_p']) }),
    ...(effort && { reasoning_effort: effort }),
    ...logprobsOf(members),
    ...toolsOf(members),
    ...textOf(text),
  };
}

function logprobsOf({ include = [], top_logprobs: top }: AppObject): ModelParameters {
  const wanted = shapedList(include, z.string(), ['include']);
  const unknown = wanted.findIndex((name) => !INCLUDED.has(name));
  // guard: responses-include
  if (unknown >= 0) throw refused(`/include/${unknown}`, `must be one of these: ${[...INCLUDED.keys()].join(', ')}`);
  if (top !== undefined && top !== 0)
    return { logprobs: true, top_logprobs: shaped(top, z.number(), ['top_logprobs']) };
  return wanted.some((name) => INCLUDED.get(name)) ? { logprobs: true } : {};
}

/** A stored prompt, as OpenAI's interface names one, is the model that stands for it. */
function storedPrompt(
  prompt: unknown,
): { model: string; vars: Readonly<Record<string, string>> | undefined } | undefined {
  if (prompt === undefined) return undefined;
  const { id, version, variables } = shaped(prompt, promptSchema, ['prompt']);
  const name = id.startsWith('prompt:') ? id : `prompt:${id}`;
  const vars = Object.entries(variables ?? {}).map(([variable, value]) => [
    variable,
    typeof value === 'string' ? value : value.text,
  ]);
  return {
    model: version ? `${name}@${version}` : name,
    vars: variables ? (Object.fromEntries(vars) as Record<string, string>) : undefined,
  };
}

function textAt(value: unknown, name: string): string | undefined {
  return value === undefined ? undefined : shaped(value, z.string(), [name]);
}
