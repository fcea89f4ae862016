import type { ModelParameters } from '@bulla/crypto';
import { parametersSchema, tokenParameters } from '@bulla/crypto';
import { PARAMETER_NAMES } from '@bulla/crypto/names';
import type { AppObject } from '../app-body.js';
import { isAppObject, withoutNulls } from '../app-body.js';
import type { AppSurfaceOptions } from '../app-call.js';
import { refused } from '../app-errors.js';
import type { AppQuestion } from '../app-question.js';
import { promptNamed } from '../app-question.js';
import { firstIssue } from './issue.js';
import { readMessages } from './messages.js';
import { readPromptVars } from './prompt-vars.js';

/** What an app asks, and how the answer is to come. */
export interface ChatRequestOfApp {
  readonly question: AppQuestion;
  readonly stream: boolean;
  /** Whether the last chunk tells how many tokens it took. */
  readonly includeUsage: boolean;
}

/** What says how it is to come, and what is translated. */
const OWN = ['model', 'messages', 'stream', 'stream_options', 'metadata', 'max_tokens', 'max_completion_tokens'];
/** What becomes of members of a request; docs/guide/own-sdk.md has the same lists. */
export const CHAT_MEMBERS = {
  passed: [...OWN, ...PARAMETER_NAMES],
  /** What a provider keeps books with: the model gets none of it, so it stays here. */
  passedOver: ['user', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
};
const KNOWN: ReadonlySet<string> = new Set([...CHAT_MEMBERS.passed, ...CHAT_MEMBERS.passedOver]);

/**
 * A request of OpenAI's chat completions.
 * @throws {BullaError} validation_failed, naming the member that is wrong or not known
 */
export function readChatRequest(body: AppObject, options: Pick<AppSurfaceOptions, 'passUnknown'>): ChatRequestOfApp {
  const given = withoutNulls(body);
  const model = textAt(given, 'model');
  const isPrompt = promptNamed(model) !== undefined;
  refuseUnknown(given, KNOWN, options.passUnknown === true && !isPrompt);
  const vars = readPromptVars(given['metadata']);
  const { messages = isPrompt ? [] : undefined } = given;
  const question = {
    model,
    messages: readMessages(messages, options.passUnknown === true),
    ...(vars !== undefined && { vars }),
    parameters: readParameters(given),
    maxOutputTokens: tokensAt(given, 'max_completion_tokens') ?? tokensAt(given, 'max_tokens'),
  };
  const { include_usage: includeUsage } = isAppObject(given['stream_options']) ? given['stream_options'] : {};
  return { question, stream: flagAt(given, 'stream'), includeUsage: includeUsage === true };
}

/** @throws {BullaError} validation_failed with the first name that is not known */
export function refuseUnknown(given: AppObject, known: ReadonlySet<string>, pass: boolean): void {
  const unknown = Object.keys(given).find((name) => !known.has(name));
  // guard: app-unknown-parameter
  if (unknown !== undefined && !pass)
    throw refused(`/${unknown}`, 'is a parameter that a sealed question has no place for: leave it out');
}

/**
 * The parameters of a model among the members of a request.
 * @throws {BullaError} validation_failed
 */
export function readParameters(given: AppObject): ModelParameters {
  const { tools, ...others } = given;
  const named = Array.isArray(tools) && tools.length === 0 ? others : given;
  const parameters = Object.fromEntries(Object.entries(named).filter(([name]) => PARAMETERS.has(name)));
  const { error } = parametersSchema.safeParse(tokenParameters(parameters));
  if (error !== undefined) throw firstIssue('', error);
  return parameters;
}

const PARAMETERS: ReadonlySet<string> = new Set(PARAMETER_NAMES);

/** @throws {BullaError} validation_failed */
export function textAt(given: AppObject, name: string): string | undefined {
  const value = given[name];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw refused(`/${name}`, 'must be text');
}

/** @throws {BullaError} validation_failed */
export function flagAt(given: AppObject, name: string): boolean {
  const value = given[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw refused(`/${name}`, 'must be true or false');
}

/** @throws {BullaError} validation_failed */
export function tokensAt(given: AppObject, name: string): number | undefined {
  const value = given[name];
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)) return value as number | undefined;
  throw refused(`/${name}`, 'must be a whole number above 0');
}
