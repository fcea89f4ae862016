import { Problem } from '@bulla/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdleMemory } from '../memory/idle-memory.js';
import { RunStopped } from './answer-end.js';

/** Runs at once; a run holds up to 64 MiB of answer at the very worst, and mostly waits for its model. */
const RUNS_MAX = 256;
const RETRY_AFTER_SECONDS = 1;
/** How long runs may go on when the service shuts down; then their models are stopped and their ends sealed. */
const GRACE_MS = 2_000;
const SEALING_MS = 1_000;

/** Counts what is at work, refuses what would be too much, and brings all of it to an end at shutdown. */
export class RunsInFlight {
  readonly #stopping = new AbortController();
  readonly #idle: (() => void)[] = [];
  readonly #memory: IdleMemory | undefined;
  #count = 0;

  /** @param memory cleaned up when nothing has run for a while. */
  constructor(memory?: IdleMemory) {
    this.#memory = memory;
  }

  /** Aborts when the grace is over. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Takes a place, to be given back once.
   * @throws {Problem} overloaded
   */
  enter(): () => void {
    // guard: runs-max
    if (this.#count >= RUNS_MAX) throw new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    this.#count += 1;
    this.#memory?.busy();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#count -= 1;
      if (this.#count > 0) return;
      this.#memory?.idle();
      for (const done of this.#idle.splice(0)) done();
    };
  }

  /** Gives runs their grace, then stops their models; resolves when all have ended or had their time. */
  async stop(): Promise<void> {
    await this.#untilIdle(GRACE_MS);
    this.#stopping.abort(new RunStopped('shutting-down'));
    await this.#untilIdle(SEALING_MS);
  }

  async #untilIdle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
    await Promise.race([idle, sleep(timeoutMs, undefined, { ref: false })]);
  }
}
