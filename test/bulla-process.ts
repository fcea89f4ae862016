import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts, placePglite } from '@bulla/testkit';

const repository = resolve(import.meta.dirname, '..');
const program = join(repository, 'packages/cli/bin/bulla.js');
const READY_WITHIN_MS = 120_000;

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of this process without its own Bulla settings and Jest's options, with some of the caller's. */
export function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('BULLA_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...settings };
}

/**
 * Makes a home folder, unless it is there, with nothing but an embedded database in it, which `bulla up` would take
 * seconds to make: for tests whose subject is not the first start.
 */
export async function prepareHome(home: string): Promise<void> {
  if (existsSync(home)) return;
  await mkdir(home, { mode: 0o700 });
  placePglite(join(home, 'pglite'));
}

/** The ports of `bulla up`, in its settings. */
export type PortSettings = Readonly<Record<`BULLA_${'VAULT' | 'RESPONDER' | 'METRICS'}_PORT`, string>>;

/** Ports for `bulla up`: not those that the system finds for 0, which it might give to another process before. */
export async function portSettings(): Promise<PortSettings> {
  const [vault, responder, metrics] = await freePorts(4);
  return {
    BULLA_VAULT_PORT: String(vault),
    BULLA_RESPONDER_PORT: String(responder),
    BULLA_METRICS_PORT: String(metrics),
  };
}

/** Runs `bulla` with arguments to its end. */
export async function bulla(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment(settings),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: stdout(), stderr: stderr() };
}

/** A running `bulla up`. */
export interface RunningBulla {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Sends SIGTERM and waits for its end. */
  stop(): Promise<Ended>;
}

/**
 * Starts `bulla up` on free ports and waits for `bulla: ready`.
 * @throws {Error} with what it said, if it ends or is late
 */
export async function startBulla(settings: Readonly<Record<string, string>>): Promise<RunningBulla> {
  const child = spawn(process.execPath, [program, 'up'], {
    env: environment({ ...(await portSettings()), ...settings }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const ended = once(child, 'close');
  for (const until = Date.now() + READY_WITHIN_MS; !stdout().includes('bulla: ready'); ) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`bulla up is not ready:\n${stdout()}${stderr()}`);
    }
    await pause(50);
  }
  return {
    child,
    stdout,
    stderr,
    async stop() {
      child.kill('SIGTERM');
      const [status] = (await ended) as [number | null];
      return { status, stdout: stdout(), stderr: stderr() };
    },
  };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  return () => Buffer.concat(parts).toString();
}
