import type { ModelParameters } from '@bulla/client';
import { PARAMETER_NAMES, parametersSchema, tokenParameters } from '@bulla/crypto';
import type { Io } from '../io.js';
import { closestTo } from './closest-word.js';
import { readText } from './files.js';
import { PARAMETER_RULES } from './model-parameters.js';
import { UsageError } from './usage-error.js';
import { quoted } from '../output/visible-text.js';

/** Parameters as they stand on a command line. */
export interface ParameterOptions {
  readonly temperature?: string | undefined;
  /** Each `name=value` or `name=@file`. */
  readonly set?: readonly string[] | undefined;
}

/**
 * Reads the parameters of a run: a value is JSON, else it is text.
 * @returns undefined where there are none
 * @throws {UsageError} that repeats no value
 */
export async function readParameters(
  io: Io,
  { temperature, set = [] }: ParameterOptions,
): Promise<ModelParameters | undefined> {
  const given = temperature === undefined ? set : [`temperature=${temperature}`, ...set];
  if (given.length === 0) return undefined;
  const values: Record<string, unknown> = {};
  for (const one of given) {
    const [name, value] = await readOne(io, one);
    if (Object.hasOwn(values, name)) throw new UsageError(`the parameter ${name} is set twice`);
    values[name] = value;
  }
  const parameters: ModelParameters = values;
  const [issue] = parametersSchema.safeParse(tokenParameters(parameters)).error?.issues ?? [];
  const wrong = PARAMETER_NAMES.find((name) => name === issue?.path[0]);
  if (wrong !== undefined) throw new UsageError(`--set ${wrong}: expected ${PARAMETER_RULES[wrong]}`);
  return parameters;
}

/** @throws {UsageError} */
export function readTokens(text: string): number {
  if (/^[1-9][0-9]{0,6}$/.test(text)) return Number(text);
  throw new UsageError('--max-output-tokens: expected a whole number, such as 400');
}

async function readOne(io: Io, one: string): Promise<[string, unknown]> {
  const at = one.indexOf('=');
  const name = at < 0 ? one : one.slice(0, at);
  if (!PARAMETER_NAMES.some((known) => known === name)) {
    const meant = closestTo(name, [...PARAMETER_NAMES]);
    const hint = `expected name=value, with one of the names ${PARAMETER_NAMES.join(', ')}`;
    throw new UsageError(`--set: unknown parameter ${quoted(name)}${meant ? `, did you mean ${meant}?` : ''}`, hint);
  }
  if (at < 0) throw new UsageError(`--set ${name}: expected name=value`);
  const value = one.slice(at + 1);
  return [name, jsonOr(value.startsWith('@') ? await readText(io, value.slice(1)) : value)];
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
