import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@bulla/testkit';
import { describe } from '@jest/globals';
import { Redis } from 'ioredis';

// A Redis that a test may stop, fill and empty. Where none is installed these tests cannot mean anything.

const PROGRAM = 'redis-server';

function isInstalled(): boolean {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const describeWithRedis = isInstalled() ? describe : describe.skip;

export interface TestRedis {
  readonly url: string;
  /** For what a test does to it behind the service's back. */
  readonly admin: Redis;
  /** It answers nothing more, but its connections stay. */
  hang(): void;
  goOn(): void;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again where it was, empty, if it ended; lets it go on if it hangs. */
  restart(): Promise<void>;
  drop(): Promise<void>;
}

export async function startRedis({ password }: { password?: string } = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'bulla-redis-'));
  const [port = 0] = await freePorts(1);
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  if (password !== undefined) settings.push('--requirepass', password);
  const run = () => spawn(PROGRAM, settings, { stdio: 'ignore' });
  let child = run();
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  const admin = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null, disconnectTimeout: 0 });
  admin.on('error', () => {});
  await admin.ping();
  const kill = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
    await promise;
  };
  return {
    url,
    admin,
    hang: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    kill,
    async restart() {
      child.kill('SIGCONT');
      if (child.exitCode !== null || child.signalCode !== null) child = run();
      await admin.ping();
    },
    async drop() {
      admin.disconnect();
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
