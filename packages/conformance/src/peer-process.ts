import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import type { Fields, Outcome, Peer, Request } from './protocol.js';

/** Argon2id and RSA in slow languages take their time; more than this is a hang. */
const ANSWER_WITHIN_MS = 60_000;

export interface PeerProcessOptions {
  readonly answerWithinMs?: number;
}

/** An implementation as a child process. What it writes to its standard error goes where ours goes. */
export class PeerProcess implements Peer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answerWithinMs: number;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  readonly #ended: Promise<void>;
  #end: string | undefined;
  #lastId = 0;

  /**
   * Starts a command. One that cannot be started answers everything with `failed`.
   * @param command a program and its arguments.
   */
  constructor(command: readonly string[], { answerWithinMs = ANSWER_WITHIN_MS }: PeerProcessOptions = {}) {
    const [program = '', ...args] = command;
    this.#answerWithinMs = answerWithinMs;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout, crlfDelay: Infinity }).on('line', (line) => this.#read(line));
    // Writing to a process that is gone is told by its end.
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      const endWith = (why: string) => {
        this.#stopWith(why);
        resolve();
      };
      this.#child.once('error', (error) => endWith(`cannot be started: ${error.message}`));
      this.#child.once('close', (code, signal) => endWith(`ended with ${signal ?? code}`));
    });
  }

  ask(op: Request['op'], format?: string, input?: Fields): Promise<Outcome> {
    if (this.#end !== undefined) return Promise.resolve({ failed: this.#end });
    const id = ++this.#lastId;
    const request: Request = { id, op, ...(format !== undefined && { format }), ...(input !== undefined && { input }) };
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(), this.#answerWithinMs);
      this.#waiting.set(id, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends the process: by the end of its input, and by a signal if it hangs. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#answerWithinMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #read(line: string): void {
    let answer: unknown;
    try {
      answer = JSON.parse(line);
    } catch {
      answer = undefined;
    }
    const { id, ...outcome } = Object(answer) as { id?: unknown } & Fields;
    if (typeof id === 'number' && isOutcome(outcome)) this.#answer(id, outcome);
    else for (const waiting of this.#waiting.keys()) this.#answer(waiting, { failed: `said: ${line.slice(0, 200)}` });
  }

  #answer(id: number, outcome: Outcome): void {
    this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }

  /** One that hung once is not waited for again. */
  #giveUp(): void {
    this.#stopWith('no answer in time');
    this.#child.kill('SIGKILL');
  }

  #stopWith(why: string): void {
    this.#end ??= why;
    for (const id of this.#waiting.keys()) this.#answer(id, { failed: this.#end });
  }
}

function isOutcome(answer: Fields): answer is Fields & Outcome {
  const { ok, refused, unsupported, failed } = answer;
  const hasOk = typeof ok === 'object' && ok !== null;
  return hasOk || typeof refused === 'string' || unsupported === true || typeof failed === 'string';
}
