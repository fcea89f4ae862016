import { PassThrough, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '../packages/cli/src/program.js';
import { type Ended, environment, portSettings, prepareHome } from './bulla-process.js';

// Bulla inside this process: where it is not about processes, a start of one for each command is most of what a test does.

type Settings = Readonly<Record<string, string>>;
const READY_WITHIN_MS = 120_000;

/** How a command ended, with the bytes that it printed. */
export interface EndedCommand {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A command at work. */
interface Begun {
  readonly ended: Promise<number>;
  readonly stdout: () => Buffer;
  readonly stderr: () => string;
}

function begin(
  args: readonly string[],
  settings: Settings,
  input: string | Uint8Array,
  signal: AbortSignal,
  { stdout, stderr } = { stdout: new PassThrough(), stderr: new PassThrough() },
): Begun {
  const [printed, said] = [collect(stdout), collect(stderr)];
  const stdin = Readable.from([Buffer.from(input)]);
  const load = (name: string) => import(name);
  const ended = run(args, { stdin, stdout, stderr, env: environment(settings), signal, fetch, load });
  return { ended, stdout: printed, stderr: () => said().toString() };
}

function collect(stream: PassThrough): () => Buffer {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  return () => Buffer.concat(parts);
}

/** Runs `bulla` with arguments to its end. */
export async function runCommand(
  args: readonly string[],
  settings: Settings,
  input: string | Uint8Array = '',
): Promise<EndedCommand> {
  const { ended, stdout, stderr } = begin(args, settings, input, new AbortController().signal);
  const status = await ended;
  return { status, stdout: stdout(), stderr: stderr() };
}

/** The same, as text. */
export async function bulla(args: readonly string[], settings: Settings, input = ''): Promise<Ended> {
  const { status, stdout, stderr } = await runCommand(args, settings, input);
  return { status, stdout: stdout.toString(), stderr };
}

/** The same, with what it printed on both streams in one, as a terminal shows it. */
export async function bullaShown(
  args: readonly string[],
  settings: Settings,
  input = '',
): Promise<{ readonly status: number; readonly output: string }> {
  const both = new PassThrough();
  const { ended, stdout } = begin(args, settings, input, new AbortController().signal, { stdout: both, stderr: both });
  const status = await ended;
  return { status, output: stdout().toString() };
}

/** A running `bulla up`. */
export interface RunningCommand {
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Ends it as SIGTERM does. */
  stop(): Promise<Ended>;
}

const USUAL = {
  BULLA_LOG_LEVEL: 'silent',
  // Commands within one process ask more in a second than commands of a person.
  BULLA_LIMIT_KEY_PER_SECOND: '10000',
} as const;

/**
 * Starts `bulla up` on free ports, with an embedded database that was made already, and waits for `bulla: ready`.
 * @param settings with a home folder that is not there yet, or was started in before
 * @throws {Error} with what it said, if it ends or is late
 */
export async function startUp(settings: Settings): Promise<RunningCommand> {
  if (settings['BULLA_DATABASE_URL'] === undefined) await prepareHome(settings['BULLA_HOME'] ?? '');
  const ending = new AbortController();
  const up = begin(['up'], { ...USUAL, ...(await portSettings()), ...settings }, '', ending.signal);
  let isOver = false;
  void up.ended.finally(() => {
    isOver = true;
  });
  const stdout = () => up.stdout().toString();
  for (const until = Date.now() + READY_WITHIN_MS; !stdout().includes('bulla: ready'); await pause(20)) {
    if (isOver || Date.now() > until) throw new Error(`bulla up is not ready:\n${stdout()}${up.stderr()}`);
  }
  return {
    stdout,
    stderr: up.stderr,
    async stop() {
      ending.abort(new Error('SIGTERM'));
      return { status: await up.ended, stdout: stdout(), stderr: up.stderr() };
    },
  };
}
