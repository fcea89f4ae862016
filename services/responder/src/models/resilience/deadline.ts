import { ModelError } from '../model-error.js';

/** The time that all attempts of one run have together; each of them is given what is left. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #endsMs: number;
  readonly #giveUp = () => this.#controller.abort(this.#caller.reason);

  constructor(ms: number | undefined, caller: AbortSignal) {
    caller.throwIfAborted();
    this.#caller = caller;
    this.#endsMs = ms === undefined ? Infinity : performance.now() + ms;
    this.#timer = ms === undefined ? undefined : setTimeout(() => this.#controller.abort(tooLate()), ms).unref();
    caller.addEventListener('abort', this.#giveUp, { once: true });
  }

  /** Aborted with a {@link ModelError} upstream_timeout, or with the caller's reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether so much time is left. */
  hasMs(ms: number): boolean {
    return performance.now() + ms < this.#endsMs;
  }

  /** Ends the watch, and nothing that runs. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#giveUp);
  }
}

function tooLate(): ModelError {
  return new ModelError('upstream_timeout', 'no upstream answered to the end in time', { cause: 'too_slow' });
}
