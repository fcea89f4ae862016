import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bulla } from '../../bulla-command.js';
import type { Ended } from '../../bulla-process.js';

/** Runs a command that must succeed. @throws {Error} with what it said */
export async function succeed(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const ended = await bulla(args, settings, input);
  if (ended.status !== 0) throw new Error(`bulla ${args.join(' ')}: ${ended.status}\n${ended.stdout}${ended.stderr}`);
  return ended;
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
