import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How long nothing must have run before memory is cleaned up. */
export const IDLE_MS = 10_000;

type Collect = (options: { type: 'major'; flavor: 'last-resort'; execution: 'sync' }) => void;

/**
 * Cleans up after runs. Prompts, questions and answers are JavaScript strings, which cannot be overwritten; when the last
 * run has been over for a while, garbage is collected and V8 fills its unused memory with zeros. Buffers outside V8's heap
 * go back to the C library, which overwrites them where it is told to (`GLIBC_TUNABLES`, in the start script and images).
 * A collection stops the process for some tenths of a second, which is why it waits until nothing runs
 * (docs/decisions/2026-11-25-memory-after-runs.md).
 */
export class IdleMemory {
  readonly #idleMs: number;
  #collect: Collect | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param collect V8's own unless given */
  constructor(idleMs: number = IDLE_MS, collect?: Collect) {
    this.#idleMs = idleMs;
    this.#collect = collect;
  }

  /** A run begins: nothing is collected while one is at work. */
  busy(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** No run is at work any more. Collects twice: what finalizers held the first time is garbage the second. */
  idle(): void {
    this.busy();
    this.#timer = this.#later(() => {
      this.#timer = this.#later(() => {});
    });
  }

  /** The service has ended, and its process ends with all its memory. */
  stop(): void {
    this.busy();
  }

  #later(then: () => void): NodeJS.Timeout {
    return setTimeout(() => {
      this.#collect ??= collector();
      this.#collect({ type: 'major', flavor: 'last-resort', execution: 'sync' });
      then();
    }, this.#idleMs).unref();
  }
}

/** V8's collector, told to zero what is unused. Node shows it to programs only where it is asked for by a flag. */
function collector(): Collect {
  for (const flag of ['--zero-unused-memory', '--expose-gc']) setFlagsFromString(flag);
  const collect: unknown = runInNewContext('gc');
  // Contexts that are made later do not get it.
  setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') throw new Error('this Node does not let garbage be collected');
  return collect as Collect;
}
