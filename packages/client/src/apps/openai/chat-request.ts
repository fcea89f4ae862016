import type { ModelParameters } from '@bulla/crypto';
import { parametersSchema, tokenParameters } from '@bulla/crypto';
import { PARAMETER_NAMES } from '@bulla/crypto/names';
import type { AppObject } from '../app-body.js';
import { isAppObject, withoutNulls } from '../app-body.js';
import type { AppSurfaceOptions } from '../app-call.js';
import { refused } from '../app-errors.js';
import type { AppQuestion } from '../app-question.js';
import { promptNamed } from '../app-question.js';
import { readMembers } from '../request-members.js';
import { CHAT_MEMBERS } from './chat-members.js';
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

/**
 * A request of OpenAI's chat completions.
 * @throws {BullaError} validation_failed, naming the member that is wrong or not known
 * @see docs/guide/own-sdk.md
 */
export function readChatRequest(body: AppObject, options: Pick<AppSurfaceOptions, 'passUnknown'>): ChatRequestOfApp {
  const model = textAt(withoutNulls(body), 'model');
  const isPrompt = promptNamed(model) !== undefined;
  const given = readMembers(body, CHAT_MEMBERS, options.passUnknown === true && !isPrompt);
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
