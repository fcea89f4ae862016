import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { bullaShown } from '../../bulla-command.js';
import { environment } from '../../bulla-process.js';

const program = join(resolve(import.meta.dirname, '../../..'), 'packages/cli/bin/bulla.js');

/** How a command of a page ended, and what it printed on both streams, but for what it redirected. */
export interface Shown {
  readonly status: number | null;
  readonly output: string;
}

/**
 * Runs a command of a page in a shell in which `bulla` and `npx bulla` are the command that was built here. This process
 * goes on meanwhile: the services may be in it.
 */
export async function runShown(
  command: string,
  cwd: string,
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<Shown> {
  const names = 'bulla() { "$NODE" "$PROGRAM" "$@"; }\nnpx() { "$@"; }';
  const child = spawn('sh', ['-c', `${names}\nexec 2>&1\n${command}`], {
    cwd,
    env: { ...environment(settings), NODE: process.execPath, PROGRAM: program },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // Not every command reads what it is given.
  child.stdin.on('error', () => undefined).end(input);
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  return { status, output };
}

/** Words that a shell hands on as they stand, none of which is a file in the folder that it is in. */
const PLAIN = /^bulla((?: [\w:@/-]+)+)$/;

/**
 * Runs a command of a page inside this process where a shell would change nothing of it: a process for each is most of
 * what a long page takes. Other commands are run in a shell.
 */
export async function runPlain(
  command: string,
  cwd: string,
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<Shown> {
  const [, words] = PLAIN.exec(command) ?? [];
  if (words === undefined) return runShown(command, cwd, settings, input);
  return bullaShown(words.trim().split(' '), settings, input);
}

/**
 * Runs a command that shows what it would sign, and signs that: printed is what somebody sees at a terminal who types yes.
 */
export async function runSigned(
  command: string,
  cwd: string,
  settings: Readonly<Record<string, string>>,
  run: typeof runShown = runShown,
): Promise<Shown> {
  const asked = await run(command, cwd, settings);
  const named = /^bulla: hint: .*: (bulla .* --expect \S+)$/m.exec(asked.output)?.[1];
  if (asked.status !== 2 || named === undefined) return asked;
  const screen = asked.output.replace(/^bulla: (error|hint): .*\n/gm, '');
  const { status, output } = await run(`${named} -q`, cwd, settings);
  return { status, output: `${screen}Sign this? (yes/no) yes\n${output}` };
}
