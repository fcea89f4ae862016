import { ModelError } from './model-error.js';

/** Milliseconds. */
export interface ModelTimeouts {
  /** To a connection, TLS included. */
  readonly connectMs: number;
  /** To the head of the answer, and once more from there to the first byte of its body. */
  readonly firstByteMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
  /** From first to last. */
  readonly totalMs: number;
}

/** Watches one run's calls: aborts them when a limit has passed or the caller gives up, and knows which it was. */
export class UpstreamWatch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #total: NodeJS.Timeout;
  #phase: NodeJS.Timeout | undefined;
  readonly #giveUp = () => this.#controller.abort(this.#caller.reason);

  constructor(totalMs: number, caller: AbortSignal) {
    caller.throwIfAborted();
    this.#caller = caller;
    this.#total = this.#abortAfter(totalMs, 'no whole answer in time');
    caller.addEventListener('abort', this.#giveUp, { once: true });
  }

  /** Aborted with a {@link ModelError} upstream_timeout, or with the caller's reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs a step that must end in time. @throws what it throws; the reason of the abort where there was one. */
  async within<Result>(ms: number, what: string, step: () => Promise<Result>): Promise<Result> {
    this.#phase = this.#abortAfter(ms, what);
    try {
      return await step();
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(this.#phase);
    }
  }

  /** Ends the watch and whatever still runs under its signal. */
  end(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#phase);
    this.#caller.removeEventListener('abort', this.#giveUp);
    this.#controller.abort(new ModelError('upstream_unavailable', 'the call has ended'));
  }

  #abortAfter(ms: number, what: string): NodeJS.Timeout {
    const abort = () =>
      this.#controller.abort(
        new ModelError('upstream_timeout', `the upstream was too slow: ${what}`, { cause: 'too_slow' }),
      );
    return setTimeout(abort, ms).unref();
  }
}
