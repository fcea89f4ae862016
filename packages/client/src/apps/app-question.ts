import type { AskerMessage, ChatMessage, ModelParameters } from '@bulla/crypto';
import type { RunnablePrompt } from '../runs/runnable-prompt.js';
import type { AnswerEvent } from '../runs/answer-events.js';
import type { Answer, AnsweredPrompt } from '../runs/answer.js';
import type { PiiOptions } from '../pii/pii-settings.js';
import type { AppCall } from './app-call.js';
import { refused } from './app-errors.js';

/** What an app asks, in whatever interface. */
export interface AppQuestion {
  /** As the app names it: a model of the responder, or `prompt:NAME[@LABEL|@VERSION]`. */
  readonly model: string | undefined;
  readonly messages: readonly ChatMessage[];
  /** Of a stored prompt. */
  readonly vars?: Readonly<Record<string, string>> | undefined;
  readonly parameters: ModelParameters;
  readonly maxOutputTokens?: number | undefined;
}

/** A stored prompt as the name of a model. */
export interface NamedPrompt {
  readonly name: string;
  readonly label?: string;
  readonly version?: number;
}

const PREFIX = 'prompt:';

/** The stored prompt that a model's name means; undefined where it means a model. */
export function promptNamed(model: string | undefined): NamedPrompt | undefined {
  if (model?.startsWith(PREFIX) !== true) return undefined;
  const [name = '', choice, ...more] = model.slice(PREFIX.length).split('@');
  if (name === '' || choice === '' || more.length > 0)
    throw refused('/model', 'must be a model, or prompt:NAME, prompt:NAME@LABEL or prompt:NAME@VERSION');
  if (choice === undefined) return { name };
  return /^\d{1,9}$/.test(choice) ? { name, version: Number(choice) } : { name, label: choice };
}

/** Asks, and waits for the verified answer. @throws {BullaError} */
export function askWhole(call: AppCall, question: AppQuestion): Promise<Answer<AnsweredPrompt | undefined>> {
  const prompt = runnable(call, question);
  if (prompt === undefined) return call.bulla.chat.completions.create(...chatOf(call, question));
  return prompt.run(question.vars, promptOptions(call, question));
}

/**
 * Asks, and gives the answer as it comes; the last event is the verified answer.
 * @param onPii is told what was found before anything is sent.
 * @throws {BullaError}
 */
export function askStreamed(
  call: AppCall,
  question: AppQuestion,
  onPii: PiiOptions['onPii'],
): AsyncGenerator<AnswerEvent<Answer<AnsweredPrompt | undefined>>> {
  const prompt = runnable(call, question);
  if (prompt !== undefined) return prompt.stream(question.vars, { ...promptOptions(call, question), onPii });
  const [request, options] = chatOf(call, question);
  return call.bulla.chat.completions.stream(request, { ...options, onPii });
}

function runnable({ bulla, request }: AppCall, { model }: AppQuestion): RunnablePrompt | undefined {
  const named = promptNamed(model);
  if (named === undefined) return undefined;
  const { name, ...choice } = named;
  const label = request.header('x-bulla-label');
  return bulla.prompt(name, Object.keys(choice).length === 0 && label !== undefined ? { label } : choice);
}

function chatOf({ options, request }: AppCall, { model, messages, parameters, maxOutputTokens, vars }: AppQuestion) {
  if (vars !== undefined) throw refused('/metadata/bulla_vars', 'belongs to a stored prompt: prompt:NAME is its model');
  const { responder } = options;
  return [
    { model, messages, max_completion_tokens: maxOutputTokens, ...parameters },
    { responder, signal: request.signal },
  ] as const;
}

function promptOptions({ options, request }: AppCall, { messages, parameters, maxOutputTokens }: AppQuestion) {
  const instructing = messages.findIndex(({ role }) => role === 'system' || role === 'developer');
  // guard: app-prompt-instructions
  if (instructing >= 0) throw refused(`/messages/${instructing}/role`, 'must not instruct: the stored prompt does');
  const { responder } = options;
  const own = messages as readonly AskerMessage[];
  return { messages: own, parameters, maxOutputTokens, responder, signal: request.signal };
}
