import { VARIABLE_PATTERN } from '@bulla/contract';
import { readText } from './files.js';
import type { Io } from './io.js';
import { UsageError } from './usage-error.js';

/** A variable as a prompt declares it. */
interface Taken {
  readonly max: number;
  readonly default?: string | undefined;
}

/**
 * The variables of a run: `name=text`, `name=@file`, or `name=-` for standard input, once. Messages never repeat a value.
 * @throws {UsageError}
 */
export async function readVariables(io: Io, given: readonly string[]): Promise<Record<string, string>> {
  const vars = new Map<string, string>();
  let stdinUsed = false;
  for (const assignment of given) {
    const at = assignment.indexOf('=');
    const name = at < 0 ? '' : assignment.slice(0, at);
    if (!VARIABLE_PATTERN.test(name))
      throw new UsageError(
        '--var: expected name=text, name=@file or name=-',
        'names are letters, digits and underscores',
      );
    if (vars.has(name)) throw new UsageError(`--var: ${name} is given twice`);
    const value = assignment.slice(at + 1);
    if (value === '-') {
      if (stdinUsed) throw new UsageError('--var: only one variable can be read from standard input');
      stdinUsed = true;
    }
    const text =
      value === '-' || value.startsWith('@') ? await readText(io, value === '-' ? '-' : value.slice(1)) : value;
    if (text.includes('\u0000')) throw new UsageError(`--var: ${name} holds the character U+0000, so it is not text`);
    vars.set(name, text);
  }
  return Object.fromEntries(vars);
}

/** What is wrong with the variables that were given for a prompt, one line for each; never a value. */
export function mistakesIn(given: Readonly<Record<string, string>>, taken: Readonly<Record<string, Taken>>): string[] {
  const lines: string[] = [];
  for (const [name, { max, default: initial }] of Object.entries(taken)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined && initial === undefined) lines.push(`${name} is missing`);
    if (value !== undefined && value.length > max)
      lines.push(`${name} has ${value.length} characters, and may have ${max}`);
  }
  for (const name of Object.keys(given)) if (!Object.hasOwn(taken, name)) lines.push(`${name} is no variable of it`);
  return lines;
}
