import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VARIABLE_PATTERN } from '@bulla/contract';
import { readText } from './files.js';
import type { Io } from '../io.js';
import { UsageError } from './usage-error.js';

/** What a command line gives for variables. */
export interface GivenVariables {
  /** `name=text`, `name=@file`, or `name=-` for standard input, once. */
  readonly values: readonly string[];
  /** `name=text`, whatever the text begins with. */
  readonly texts?: readonly string[];
  /** Folders and files of keys: no variable is read from there. */
  readonly keyPlaces?: readonly string[];
}

/**
 * The variables of a run. Messages never repeat a value.
 * @throws {UsageError}
 */
export async function readVariables(
  io: Io,
  { values, texts = [], keyPlaces = [] }: GivenVariables,
): Promise<Record<string, string>> {
  const vars = new Map<string, string>();
  const take = (option: string, expected: string, assignment: string): [name: string, value: string] => {
    const at = assignment.indexOf('=');
    const name = at < 0 ? '' : assignment.slice(0, at);
    if (!VARIABLE_PATTERN.test(name))
      throw new UsageError(`${option}: expected ${expected}`, 'names are letters, digits and underscores');
    if (vars.has(name)) throw new UsageError(`${option}: ${name} is given twice`);
    return [name, assignment.slice(at + 1)];
  };
  const keep = (option: string, name: string, text: string) => {
    if (text.includes('\u0000'))
      throw new UsageError(`${option}: ${name} holds the character U+0000, so it is not text`);
    vars.set(name, text);
  };
  let stdinUsed = false;
  for (const assignment of values) {
    const [name, value] = take('--var', 'name=text, name=@file or name=-', assignment);
    if (value === '-') {
      if (stdinUsed) throw new UsageError('--var: only one variable can be read from standard input');
      stdinUsed = true;
    }
    keep('--var', name, await readGiven(io, `--var: ${name}`, value, keyPlaces));
  }
  for (const assignment of texts) keep('--var-text', ...take('--var-text', 'name=text', assignment));
  return Object.fromEntries(vars);
}

/**
 * A text as a command line gives it: itself, @file, or - for standard input.
 * @param what what it is given for, such as `--message`
 * @throws {UsageError}
 */
export async function readGiven(io: Io, what: string, given: string, keyPlaces: readonly string[]): Promise<string> {
  if (given === '-') return readText(io, '-');
  return given.startsWith('@') ? readFileFor(io, what, given.slice(1), keyPlaces) : given;
}

/** The `@` may have come with a text of somebody else, and a run sends what is read: keys are kept out of its reach. */
async function readFileFor(io: Io, what: string, path: string, keyPlaces: readonly string[]): Promise<string> {
  // A path that is not a file in a folder, such as a pipe, has no such path.
  const real = await realpath(path).catch(() => path);
  // guard: var-key-file
  if (await isBelow(real, keyPlaces))
    throw new UsageError(
      `${what} names a file where Bulla keeps keys: nothing was sent`,
      'a text that begins with @ goes by standard input, or for a variable with --var-text name=text',
    );
  return readText(io, real);
}

/** Whether a path is one of these places or lies below it, by what the disk says they are and not by their names. */
async function isBelow(path: string, places: readonly string[]): Promise<boolean> {
  const kept = (await Promise.all(places.map(entryOf))).filter((entry) => entry !== undefined);
  for (let at = path; ; at = dirname(at)) {
    const entry = await entryOf(at);
    if (entry !== undefined && kept.includes(entry)) return true;
    if (dirname(at) === at) return false;
  }
}

async function entryOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
