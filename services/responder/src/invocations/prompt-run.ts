import { parseTemplate, Problem, renderTemplate, TemplateError, templateVariables } from '@bulla/contract';
import type { TemplatePiece } from '@bulla/contract';
import type { EnvelopeClaims, InvocationClaims, TokenParameters, Statement } from '@bulla/crypto';
import { modelParameters, parametersOf } from '@bulla/crypto';
import type { ModelMessage, ModelRequest } from '../models/model.js';
import type { Judgement } from './admission.js';

/** Longest prompt in UTF-16 code units after rendering: a template may use one long value many times. */
export const RENDERED_CHARACTERS_MAX = 4 * 1024 * 1024;

/**
 * Step 13 of protocol.md §2.4: the statement lets this asker run it, here. The asker's groups come from the
 * directory, never from the envelope.
 * @throws {Problem} forbidden, custody_not_allowed
 */
export function checkAccess(statement: Statement, asker: string, { trust, responder }: Judgement): void {
  const groups = trust.groupsOf(asker);
  // guard: access-groups
  if (!statement.acl.invoke.some((group) => groups.includes(group))) {
    throw new Problem('forbidden', { detail: 'the prompt is not for the groups of the asker' });
  }
  // guard: access-responder
  if (!statement.acl.responders.includes(responder)) {
    throw new Problem('forbidden', { detail: 'the prompt does not run on this responder' });
  }
  // A service asks on behalf of others, which only managed names allow.
  // guard: access-device
  if (trust.entity(asker)?.kind !== 'device' && statement.custody !== 'managed') {
    throw new Problem('custody_not_allowed', { detail: 'only devices may run sealed prompts' });
  }
}

/**
 * Step 14: variables, further messages and limits, then the rendered request to the model.
 * @throws {Problem} variable_missing, variable_unknown, validation_failed, payload_too_large, forbidden,
 *   model_not_allowed; none with a value or a name from the question or the prompt
 */
export function renderRun(statement: Statement, envelope: EnvelopeClaims, question: InvocationClaims): ModelRequest {
  const { content } = statement;
  const values = valuesOf(content.vars, question.vars ?? {});
  // guard: input-messages
  if (question.messages.length > 0 && !statement.input.messages) {
    throw new Problem('validation_failed', { detail: 'the prompt takes no further messages' });
  }
  // guard: input-stream
  if (question.opt.stream && !envelope.pol.stream) {
    throw new Problem('forbidden', { detail: 'the envelope allows no stream' });
  }
  const { model } = content;
  // guard: input-model
  if (question.opt.model !== undefined && question.opt.model !== model.name) {
    throw new Problem('model_not_allowed', { detail: 'the prompt names its own model' });
  }
  return {
    model: model.name,
    messages: [...renderMessages(content.messages, values), ...question.messages],
    // guard: input-limits without: maxOutputTokens: question.opt.max_output_tokens ?? model.max_output_tokens
    maxOutputTokens: leastOf(model.max_output_tokens, envelope.pol.max_output_tokens, question.opt.max_output_tokens),
    parameters: modelParameters({ ...parametersOf(model), ...parametersGiven(statement, question) }),
    requestId: question.jti,
  };
}

/** What the asker may say in the place of the author. */
function parametersGiven({ input }: Statement, question: InvocationClaims): TokenParameters {
  const given = parametersOf(question.opt);
  const allowed: readonly string[] = input.parameters ?? [];
  // guard: input-parameters
  if (Object.keys(given).some((name) => !allowed.includes(name))) {
    throw new Problem('validation_failed', { detail: 'the prompt does not let askers set this parameter' });
  }
  return given;
}

function valuesOf(
  declared: Statement['content']['vars'],
  given: Readonly<Record<string, string>>,
): Map<string, string> {
  const values = new Map(Object.entries(given));
  const declarations = new Map(Object.entries(declared));
  // guard: input-unknown
  for (const name of values.keys()) if (!declarations.has(name)) throw new Problem('variable_unknown');
  for (const [name, { max, default: initial }] of declarations) {
    const value = values.get(name) ?? initial;
    // guard: input-missing
    if (value === undefined) throw new Problem('variable_missing');
    // guard: input-length
    if (value.length > max) throw new Problem('validation_failed', { detail: 'a variable is too long' });
    values.set(name, value);
  }
  return values;
}

/** One pass: a value is never scanned for variables again. */
function renderMessages(
  messages: Statement['content']['messages'],
  values: ReadonlyMap<string, string>,
): ModelMessage[] {
  const templates = messages.map(({ role, content }) => ({ role, pieces: parsePieces(content) }));
  const pieces = templates.flatMap((template) => template.pieces);
  if (templateVariables(pieces).some((name) => !values.has(name))) throw notATemplate();
  const length = pieces.reduce((sum, piece) => sum + textOf(piece, values).length, 0);
  // guard: input-rendered
  if (length > RENDERED_CHARACTERS_MAX) {
    throw new Problem('payload_too_large', { detail: 'the prompt is too long with these variables' });
  }
  return templates.map((template) => ({ role: template.role, content: renderTemplate(template.pieces, values) }));
}

function textOf(piece: TemplatePiece, values: ReadonlyMap<string, string>): string {
  return 'text' in piece ? piece.text : (values.get(piece.variable) ?? '');
}

function parsePieces(template: string): TemplatePiece[] {
  try {
    return parseTemplate(template);
  } catch (error) {
    throw error instanceof TemplateError ? notATemplate() : error;
  }
}

/** The author's mistake, which the author's tools refuse. */
function notATemplate(): Problem {
  return new Problem('validation_failed', { detail: 'the prompt is not a template of its variables' });
}

export function leastOf(...limits: readonly (number | undefined)[]): number | undefined {
  const given = limits.filter((limit) => limit !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
