import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Commands, Replies, Subject } from './child.js';

const CHILD = join(import.meta.dirname, 'child.js');
/** Threads of the pool as many as cores, as the services are deployed; nothing else of the environment. */
const SURROUNDINGS = {
  execArgv: ['--expose-gc'],
  env: { UV_THREADPOOL_SIZE: String(availableParallelism()) },
};

/** A variant in a process of its own. */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #gone: Promise<never>;

  private constructor(name: string, sizes: readonly number[]) {
    this.#name = name;
    this.#process = fork(CHILD, [name, ...sizes.map(String)], SURROUNDINGS);
    this.#gone = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`${name} ended with ${String(code)}`);
    });
    // The error is for the code that waits for a reply.
    this.#gone.catch(() => undefined);
  }

  /** Ready when the variant has been shown to do what it says. @throws {Error} if it does not */
  static async start(name: string, sizes: readonly number[]): Promise<Child> {
    const child = new Child(name, sizes);
    await child.#reply();
    return child;
  }

  async ask<Kind extends keyof Commands>(
    kind: Kind,
    subject: Subject,
    command: Commands[Kind],
  ): Promise<Replies[Kind]> {
    this.#process.send({ kind, ...subject, ...command });
    return (await this.#reply()) as Replies[Kind];
  }

  stop(): void {
    this.#process.kill();
  }

  async #reply(): Promise<unknown> {
    const told = once(this.#process, 'message');
    const [message] = (await Promise.race([told, this.#gone])) as [{ reply?: unknown; error?: string }];
    const { reply, error } = message;
    if (error !== undefined) throw new Error(`${this.#name}: ${error}`);
    return reply;
  }
}
