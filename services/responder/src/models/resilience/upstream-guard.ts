import {
  BrokenCircuitError,
  bulkhead,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  halfJitterGenerator,
  handleWhen,
} from 'cockatiel';
import type { Model } from '../model.js';
import { ModelError } from '../model-error.js';
import { RetryBudget } from './retry-budget.js';

/** So many failures without an answer between them, and a server is left alone. */
const FAILURES_MAX = 5;
/** How long it is left alone: at first half of this at least, and longer each time it fails the one run that tries it. */
const REST = { generator: halfJitterGenerator, initialDelay: 10_000, maxDelay: 60_000 };
/** The longest that a server is asked after the others because it named a time. */
const PAUSE_MAX_SECONDS = 60;

/**
 * Stands before one model server. One that fails again and again is left alone for a while, then tried by one run. One
 * that is slow takes no more than its share of the runs that this process has room for.
 */
export class UpstreamGuard {
  readonly retries = new RetryBudget();
  readonly #breaker;
  readonly #places;
  #pausedUntilMs = 0;

  constructor(model: Pick<Model, 'concurrentMax'>) {
    this.#places = bulkhead(model.concurrentMax);
    const isAgainstIt = (error: unknown): boolean =>
      showsTrouble(error) ||
      // Who tries whether it is well again, and leaves before an answer, has shown nothing.
      (this.#breaker.state === CircuitState.HalfOpen && !(error instanceof ModelError));
    this.#breaker = circuitBreaker(handleWhen(isAgainstIt), {
      halfOpenAfter: new ExponentialBackoff(REST),
      breaker: new ConsecutiveBreaker(FAILURES_MAX),
    });
  }

  /** Whether it is left alone since it failed again and again, and nobody has found it well since. */
  get isResting(): boolean {
    return this.#breaker.state !== CircuitState.Closed;
  }

  /** Whether it named a time to come back that is not over. */
  get isPaused(): boolean {
    return performance.now() < this.#pausedUntilMs;
  }

  /**
   * Takes a place for one run.
   * @returns how to give it back
   * @throws {ModelError} upstream_unavailable when all are taken
   */
  enter(): () => void {
    // guard: upstream-places
    if (this.#places.executionSlots <= 0)
      throw new ModelError('upstream_unavailable', 'as many runs ask the upstream as may', { cause: 'full' });
    const { promise, resolve } = Promise.withResolvers<void>();
    // There is a place, as was seen, so that this does not refuse.
    this.#places.execute(() => promise).catch(() => {});
    return resolve;
  }

  /**
   * Begins something at the server, and learns from it how the server is.
   * @throws {ModelError} upstream_unavailable while the server is left alone; what the step throws
   */
  async begin<Begun>(step: () => Promise<Begun>): Promise<Begun> {
    // One run tries it; the others do not wait for what comes of that.
    // guard: breaker-probe
    if (this.#breaker.state === CircuitState.HalfOpen) throw leftAlone();
    try {
      return await this.#breaker.execute(step);
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw leftAlone();
      if (error instanceof ModelError) this.#pause(error.retryAfterSeconds);
      throw error;
    }
  }

  #pause(seconds = 0): void {
    this.#pausedUntilMs = Math.max(
      this.#pausedUntilMs,
      performance.now() + Math.min(seconds, PAUSE_MAX_SECONDS) * 1000,
    );
  }
}

/** A server that answers, even with a refusal, is well: only what says that it is not there or not whole counts. */
function showsTrouble(error: unknown): boolean {
  if (!(error instanceof ModelError) || error.fault === undefined || error.code === 'model_incapable') return false;
  const { cause, status = 500 } = error.fault;
  return cause !== 'withheld' && status >= 500;
}

function leftAlone(): ModelError {
  return new ModelError('upstream_unavailable', 'the upstream failed again and again: it is left alone for a while', {
    cause: 'resting',
  });
}
