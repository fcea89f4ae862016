import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { environment } from '../bulla-process.js';

const program = join(resolve(import.meta.dirname, '../..'), 'packages/cli/bin/bulla.js');
const READY_WITHIN_MS = 60_000;

/** `bulla dev fake-openai` in a process of its own: a model server that can be killed. */
export class ModelProcess {
  readonly url: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  /** @param script the file that says what it answers. */
  constructor(port: number, script: string) {
    this.url = `http://127.0.0.1:${port}/v1`;
    this.#args = [program, 'dev', 'fake-openai', '--port', String(port), '--script', script];
  }

  /** @throws {Error} if it does not answer in time */
  async start(): Promise<void> {
    const child = spawn(process.execPath, this.#args, { env: environment({}), stdio: 'ignore' });
    // Whatever becomes of the test, the process does not outlive it.
    process.once('exit', () => child.kill('SIGKILL'));
    this.#child = child;
    for (const last = performance.now() + READY_WITHIN_MS; ; await pause(50)) {
      if (
        await fetch(`${this.url}/models`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      if (child.exitCode !== null || performance.now() > last) throw new Error('the model server does not answer');
    }
  }

  /** Ends it at once, with SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
}
