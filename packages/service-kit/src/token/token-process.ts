import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the sources: what `npm run build:token` compiles. */
const FOLDER = new URL('../../pkcs11/', import.meta.url);
const PROGRAM = fileURLToPath(new URL('token-process.mjs', FOLDER));
const BINDING = fileURLToPath(new URL('node_modules/pkcs11js/build/Release/pkcs11.node', FOLDER));

/** Whether the binding was built on this machine. */
export function isBindingBuilt(): boolean {
  return existsSync(BINDING);
}

/** What a process of a token answers; each question has members of its own. `error` is the one word for why there is no answer. */
export type TokenAnswer = Readonly<Record<string, unknown>> & { readonly error?: string };

interface Waiting {
  readonly resolve: (answer: TokenAnswer) => void;
  readonly timeoutMs: number;
}

/**
 * A vendor's library in a process of its own (packages/service-kit/pkcs11/token-process.mjs). Where it hangs or crashes, that
 * process is ended, and all that was asked of it is answered with an error.
 */
export class TokenProcess {
  readonly #child: ChildProcess;
  /** In the order in which they are answered. */
  readonly #waiting = new Map<number, Waiting>();
  /** Of the first that waits. */
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;
  #ended = false;

  constructor() {
    // Nothing of our own command line. Libraries look for their settings in the environment.
    this.#child = fork(PROGRAM, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (answer) => this.#settle(answer as TokenAnswer));
    this.#child.on('exit', () => this.#fail('ended'));
    this.#child.on('error', () => this.#fail('ended'));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Asks one question after the others.
   * @param timeoutMs from when the answer to the question before it came
   * @returns the answer; one with `error` where there is none: `late`, `ended`
   */
  ask(question: object, timeoutMs: number): Promise<TokenAnswer> {
    return new Promise((resolve) => {
      if (this.#ended) return resolve({ error: 'ended' });
      this.#asked += 1;
      const id = this.#asked;
      this.#waiting.set(id, { resolve, timeoutMs });
      if (this.#waiting.size === 1) this.#watch();
      this.#child.send({ id, ...question }, (error) => {
        if (error !== null) this.#settle({ id, error: 'ended' });
      });
    });
  }

  /** Ends it at once: a library that hangs hears nothing. */
  end(): void {
    this.#fail('ended');
    this.#child.kill('SIGKILL');
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [id, { timeoutMs }] = first;
    this.#timer = setTimeout(() => this.#late(id), timeoutMs);
  }

  #late(id: number): void {
    this.#settle({ id, error: 'late' });
    this.end();
  }

  #settle({ id, ...answer }: TokenAnswer): void {
    const waiting = this.#waiting.get(id as number);
    if (waiting === undefined) return;
    this.#waiting.delete(id as number);
    this.#watch();
    waiting.resolve(answer);
  }

  #fail(error: string): void {
    this.#ended = true;
    for (const id of this.#waiting.keys()) this.#settle({ id, error });
  }
}
