import { setTimeout as sleep } from 'node:timers/promises';
import { Roll } from '@bulla/service-kit';
import type { Work } from '@bulla/service-kit';
import type { IdleMemory } from '../memory/idle-memory.js';
import { RunStopped } from './answer-end.js';
import type { Asker } from './run-places.js';
import { RunPlaces } from './run-places.js';

/** How long runs may go on when the service shuts down; then their models are stopped and their ends sealed. */
const GRACE_MS = 2_000;
const SEALING_MS = 1_000;

/** A request that may have to wait: when nobody waits for it any more, and its place among the requests at work. */
export interface Waiter {
  readonly gone: AbortSignal;
  readonly work: Work;
}

/** Counts what is at work, refuses what would be too much, and brings all of it to an end at shutdown. */
export class RunsInFlight {
  readonly #stopping = new AbortController();
  readonly #going = new Roll<AbortController>();
  readonly #idle: (() => void)[] = [];
  readonly #places: RunPlaces;
  readonly #memory: IdleMemory | undefined;

  /** @param memory cleaned up when nothing has run for a while. */
  constructor(places = new RunPlaces(), memory?: IdleMemory) {
    this.#places = places;
    this.#memory = memory;
  }

  /** Aborts when the grace is over. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  get count(): number {
    return this.#places.count;
  }

  /**
   * Takes a place, to be given back once; where all are taken, waits a moment for one.
   * @param gone ends the wait; a request that waits leaves its place among the requests at work to others
   * @throws {Problem} rate_limited where the key has as many as it may have; overloaded
   */
  async enter(asker: Asker, { gone, work }: Waiter): Promise<() => void> {
    const leave = this.#places.tryEnter(asker) ?? (await this.#waited(asker, { gone, work }));
    this.#memory?.busy();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
      if (this.count > 0) return;
      this.#memory?.idle();
      for (const done of this.#idle.splice(0)) done();
    };
  }

  /**
   * Aborts a run when the grace is over: at once, where it is.
   * @returns how it leaves
   */
  watch(run: AbortController): () => void {
    // guard: run-stopped-before
    if (this.#stopping.signal.aborted) run.abort(this.#stopping.signal.reason);
    return this.#going.join(run);
  }

  async #waited(asker: Asker, { gone, work }: Waiter): Promise<() => void> {
    work.rest();
    const leave = await this.#places.wait(asker, gone);
    await work.resume();
    return leave;
  }

  /** Gives runs their grace, then stops their models; resolves when all have ended or had their time. */
  async stop(): Promise<void> {
    await this.#untilIdle(GRACE_MS);
    this.#stopping.abort(new RunStopped('shutting-down'));
    for (const run of this.#going) run.abort(this.#stopping.signal.reason);
    await this.#untilIdle(SEALING_MS);
  }

  async #untilIdle(timeoutMs: number): Promise<void> {
    if (this.count === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
    await Promise.race([idle, sleep(timeoutMs, undefined, { ref: false })]);
  }
}
