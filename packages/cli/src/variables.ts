import { VARIABLE_PATTERN } from '@bulla/contract';
import { readText } from './files.js';
import type { Io } from './io.js';
import { UsageError } from './usage-error.js';

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
    vars.set(
      name,
      value === '-' || value.startsWith('@') ? await readText(io, value === '-' ? '-' : value.slice(1)) : value,
    );
  }
  return Object.fromEntries(vars);
}
