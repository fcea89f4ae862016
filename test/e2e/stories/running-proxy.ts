import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Ended, environment } from '../../bulla-process.js';

const PROGRAM = join(resolve(import.meta.dirname, '../../..'), 'packages/cli/bin/bulla.js');
const READY_WITHIN_MS = 60_000;

/** `bulla proxy` as a process, and how apps find it. */
export interface RunningProxy {
  /** The address without a path. */
  readonly origin: string;
  /** What an app has in its environment. */
  readonly app: Readonly<Record<string, string>>;
  readonly stderr: () => string;
  /** Sends SIGTERM and waits for its end. */
  stop(): Promise<Ended>;
}

/** Starts `bulla proxy` on a free port, with a key of the test's own. */
export async function startProxy(settings: Readonly<Record<string, string>>): Promise<RunningProxy> {
  const key = `story-${'0'.repeat(26)}`;
  const child = spawn(process.execPath, [PROGRAM, 'proxy', 'start', '--listen', '127.0.0.1:0'], {
    env: environment({ ...settings, BULLA_PROXY_TOKEN: key }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (part: Buffer) => {
      said[name] += part.toString();
    });
  const ended = once(child, 'close') as Promise<[number | null]>;
  for (const until = Date.now() + READY_WITHIN_MS; !said.stdout.includes('Anthropic base URL'); await pause(20))
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`the proxy is not ready: ${said.stderr}`);
    }
  const origin = /Anthropic base URL (\S+)/.exec(said.stdout)?.[1] ?? '';
  return {
    origin,
    app: { OPENAI_BASE_URL: `${origin}/v1`, OPENAI_API_KEY: key, ANTHROPIC_BASE_URL: origin, ANTHROPIC_API_KEY: key },
    stderr: () => said.stderr,
    async stop() {
      child.kill('SIGTERM');
      const [status] = await ended;
      return { status, ...said };
    },
  };
}
