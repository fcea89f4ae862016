import type { ProblemError } from '@bulla/contract';
import { parseTemplate, TemplateError } from '@bulla/contract';
import type { VariableDeclaration } from '@bulla/crypto';
import { tokenParameters } from '@bulla/crypto';
import { BullaError, bullaError } from '../connection/errors.js';
import type { OpenedVersion } from './open-version.js';
import { openVersion } from './open-version.js';
import type { Asking, PromptQuestion } from '../runs/question.js';
import type { PromptDraft } from './seal-version.js';
import type { Session } from '../connection/session.js';

/** What a responder says when a question is not what the prompt takes; it names no variable. */
const ABOUT_INPUT: ReadonlySet<string> = new Set(['variable_missing', 'variable_unknown', 'validation_failed']);

/**
 * A refusal of a responder, with what it is about in `errors` where this device may read the prompt and so can see for
 * itself; any other error as it is.
 */
export async function withVariableErrors(
  session: Session,
  { trust, resolved }: PromptQuestion,
  asking: Asking,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof BullaError) || error.origin !== 'responder' || !ABOUT_INPUT.has(error.code)) return error;
  const { name, version, chash, sub } = resolved;
  const id = sub.slice(sub.lastIndexOf(':') + 1);
  // Not every asker may read the prompt. If reading fails, the error of the responder stands.
  const opened = await openVersion(session, trust, { id, name }, { version, chash }).catch(() => undefined);
  const errors = opened === undefined ? [] : inputErrors(asking, opened.statement);
  if (errors.length === 0) return error;
  const { code, message, origin, status, requestId, retryable, details } = error;
  return bullaError(code, { message, origin, status, requestId, retryable, details, errors, cause: error });
}

/** What is wrong with the variables, messages and parameters of a question, one entry for each; never a value. */
export function inputErrors(
  { vars: given, messages = [], parameters = {} }: Pick<Asking, 'vars' | 'messages' | 'parameters'>,
  { content: { vars: taken }, input }: Pick<OpenedVersion['statement'], 'content' | 'input'>,
): ProblemError[] {
  const errors: ProblemError[] = [];
  const add = (name: string, what: string) => errors.push({ pointer: `/vars/${name}`, message: `${name} ${what}` });
  for (const [name, { max, default: initial }] of Object.entries(taken)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined && initial === undefined) add(name, 'is missing');
    if (value !== undefined && value.length > max) add(name, `has ${value.length} characters, and may have ${max}`);
  }
  const names = Object.keys(taken).join(', ') || 'none';
  for (const name of Object.keys(given))
    if (!Object.hasOwn(taken, name)) add(name, `is no variable of this prompt, which takes ${names}`);
  if (messages.length > 0 && !input.messages)
    errors.push({
      pointer: '/messages',
      message: 'this prompt takes no messages of askers (messages: true in its file)',
    });
  for (const name of Object.keys(tokenParameters(parameters)))
    if (!input.parameters?.some((allowed) => allowed === name))
      errors.push({
        pointer: '/parameters',
        message: `this prompt does not let askers set ${name} (parameters: [${name}] in its file)`,
      });
  return errors;
}

/**
 * Refuses a draft that no run could fill in, before anything is sealed.
 * @throws {BullaError} validation_failed, with each place in `errors`
 */
export function requireVariables({ content: { messages, vars } }: PromptDraft): void {
  const errors: ProblemError[] = [];
  const used = new Map<string, string>();
  for (const [index, { content }] of messages.entries()) {
    const pointer = `/content/messages/${index}/content`;
    try {
      for (const piece of parseTemplate(content)) if ('variable' in piece) used.set(piece.variable, pointer);
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      errors.push({ pointer, message: `${error.message}; write \\{{ for braces that are no variable` });
    }
  }
  for (const [name, pointer] of used)
    if (!Object.hasOwn(vars, name)) errors.push({ pointer, message: `{{${name}}} is used but not declared in vars` });
  for (const [name, { max, default: initial = '' }] of Object.entries<VariableDeclaration>(vars))
    if (initial.length > max)
      errors.push({
        pointer: `/content/vars/${name}/default`,
        message: `the default of ${name} is longer than its max`,
      });
  // guard: push-variables
  if (errors.length > 0) {
    const message = `the prompt cannot be run as it is: ${errors[0]?.message}`;
    throw bullaError('validation_failed', { message, origin: 'client', errors });
  }
}
