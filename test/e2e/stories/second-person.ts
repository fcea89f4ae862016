import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bulla } from '../../bulla-command.js';
import type { Ended } from '../../bulla-process.js';

/** What a command ends with that signed, and whose move waits for others. */
export const WAITS = 11;

/** Runs a command that must succeed, or end with another status that is named. @throws {Error} with what it said */
export async function succeed(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = '',
  status = 0,
): Promise<Ended> {
  const ended = await bulla(args, settings, input);
  if (ended.status !== status)
    throw new Error(`bulla ${args.join(' ')}: ${ended.status}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** The command, in words after `bulla`, that one without a terminal names in place of signing. */
export function namedCommand(said: string): string[] {
  return /^bulla: hint: .*: bulla (.* --expect \S+)$/m.exec(said)?.[1]?.split(' ') ?? [];
}

/** Signs as a script does: what the command shows is named in the next one. @throws {Error} if that fails */
export async function sign(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  status = 0,
): Promise<Ended> {
  const shown = await bulla(args, settings);
  const named = namedCommand(shown.stderr);
  if (shown.status !== 2 || named.length === 0)
    throw new Error(`bulla ${args.join(' ')}: ${shown.status}\n${shown.stdout}${shown.stderr}`);
  return succeed(named, settings, '', status);
}

/**
 * Lets a machine into the organisation, as its owner and its newcomer do it.
 * @param options of the invitation, such as `--role author`.
 * @returns the settings for commands on the new machine.
 */
export async function letIn(
  folder: string,
  owner: Readonly<Record<string, string>>,
  name: string,
  ...options: readonly string[]
): Promise<Readonly<Record<string, string>>> {
  const newcomer = { ...owner, BULLA_HOME: join(folder, name) };
  const code = join(folder, `${name}.code`);
  const invited = await succeed(['device', 'invite', '--label', name, ...options], owner);
  await writeFile(code, invited.stdout);
  await succeed(['device', 'enrol', '--code', code, '--label', name], newcomer);
  await succeed(['device', 'approve'], owner);
  await succeed(['device', 'enrol'], newcomer);
  return newcomer;
}

/** The person that a home folder's device belongs to, as `--user` names it. */
export function personOf(directory: unknown, urn: string): string {
  const { entities } = directory as { entities: Record<string, { user?: string }> };
  return (entities[urn]?.user ?? '').split(':').at(-1) ?? '';
}
