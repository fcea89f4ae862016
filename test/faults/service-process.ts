import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { environment } from '../bulla-process.js';

const repository = repositoryAround(import.meta.dirname);
const READY_WITHIN_MS = 120_000;

export interface LogLine {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** A service in a process of its own, as it is deployed. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly port: number;
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  /** Everything it has said so far. */
  readonly output: () => string;
  /** The lines of its log about one event. */
  readonly events: (event: string) => LogLine[];
  /** Sends a signal, SIGTERM unless given, and waits for its end. @returns its exit code, null after a signal */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A program that was started and may end by itself. */
export interface Spawned {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** Starts `services/<name>/dist/main.js` and waits for nothing. */
export function spawnService(name: 'vault' | 'responder', settings: Readonly<Record<string, string>>): Spawned {
  const ports = { [`BULLA_${name.toUpperCase()}_PORT`]: '0', BULLA_METRICS_PORT: '0', BULLA_LOG_LEVEL: 'info' };
  // Faults are looked for under more requests than one device may usually send.
  const limits = {
    BULLA_LIMIT_KEY_PER_SECOND: '10000',
    BULLA_LIMIT_ORG_PER_SECOND: '10000',
  };
  const child = spawn(process.execPath, [join(repository, `services/${name}/dist/main.js`)], {
    env: environment({ ...ports, ...limits, ...settings }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.on('data', (part: Buffer) => parts.push(part));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  // Whatever becomes of the test, the process does not outlive it.
  process.once('exit', () => child.kill('SIGKILL'));
  return { child, ended, output: () => Buffer.concat(parts).toString() };
}

/**
 * Starts a service on free ports and waits until it listens.
 * @throws {Error} with what it said, if it ends or is late
 */
export async function startService(
  name: 'vault' | 'responder',
  settings: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const { child, ended, output } = spawnService(name, settings);
  const events = (event: string) => linesOf(output()).filter((line) => line.event === event);
  for (const until = performance.now() + READY_WITHIN_MS; events('service-ready').length === 0; await pause(25)) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`the ${name} did not start:\n${output()}`);
    }
  }
  const port = Number(events('service-ready')[0]?.['port']);
  return {
    child,
    port,
    url: `http://127.0.0.1:${port}`,
    output,
    events,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

function linesOf(output: string): LogLine[] {
  // The last line may not be whole yet.
  const whole = output.slice(0, output.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Not a number of steps up: bench/ compiles this file into a folder of its own. */
function repositoryAround(folder: string): string {
  return existsSync(join(folder, 'package-lock.json')) ? folder : repositoryAround(dirname(folder));
}
