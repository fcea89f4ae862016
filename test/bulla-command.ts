import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { run } from '../packages/cli/src/program.js';
import { type Ended, environment } from './bulla-process.js';

/** How a command ended, with the bytes that it printed. */
export interface EndedCommand {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `bulla` with arguments to its end, inside this process: where it is not about the process itself. */
export async function runCommand(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input: string | Uint8Array = '',
): Promise<EndedCommand> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([buffer(stdout), buffer(stderr)]);
  const status = await run(args, {
    stdin: Readable.from([Buffer.from(input)]),
    stdout,
    stderr,
    env: environment(settings),
    signal: new AbortController().signal,
    fetch,
    load: (name) => import(name),
  });
  stdout.end();
  stderr.end();
  const [printed, talk] = await said;
  return { status, stdout: printed, stderr: talk.toString() };
}

/** The same, as text. */
export async function bulla(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const { status, stdout, stderr } = await runCommand(args, settings, input);
  return { status, stdout: stdout.toString(), stderr };
}
