import { setTimeout as sleep } from 'node:timers/promises';
import { ExponentialBackoff, halfJitterGenerator } from 'cockatiel';
import type { ModelChunk, ModelRequest, ModelUsage } from '../model.js';
import type { ModelErrorCode, UpstreamCause } from '../model-error.js';
import { ModelError } from '../model-error.js';
import { costInNanos } from '../model-price.js';
import type { BegunAnswer } from './begun-answer.js';
import { beginningOf, chunksOf } from './begun-answer.js';
import { Deadline } from './deadline.js';
import type { ModelTarget } from './model-target.js';
import type { UpstreamGuard } from './upstream-guard.js';

/** How often all that may recover are asked again. */
const RETRIES_MAX = 2;
const RETRY_DELAY = { generator: halfJitterGenerator, initialDelay: 200, maxDelay: 2_000 };
/** The longest wait that a server can ask for before its next attempt of the same run. */
const RETRY_AFTER_MAX_SECONDS = 5;
/** What may be over a moment later. */
const TRANSIENT_STATUSES: readonly (number | undefined)[] = [408, 429, 500, 502, 503, 504, 529];
const TRANSIENT_CAUSES: readonly UpstreamCause[] = ['connection_refused', 'hung_up', 'unreachable', 'full'];
/** What a server did not say, since nobody asked it. */
const UNASKED: readonly (UpstreamCause | undefined)[] = ['resting', 'full'];

/** Where an answer may come from, and what stands before it. */
export interface Route {
  readonly target: ModelTarget;
  readonly guard: UpstreamGuard;
}

/** One time that a server was asked, or would have been: what became of it, unless it began to answer. */
export interface Attempt {
  readonly upstream: string;
  readonly code?: ModelErrorCode;
  readonly cause?: UpstreamCause | undefined;
  readonly status?: number | undefined;
}

interface Failure {
  readonly route: Route;
  readonly error: ModelError;
}

export interface CallPlan {
  /** As the prompt says it. */
  readonly request: ModelRequest;
  /** The name that the registry knows it by; undefined for a name that only a server knows. */
  readonly registeredAs: string | undefined;
  /** Whom to ask, in this order; one at least. */
  readonly order: readonly Route[];
  readonly timeoutMs?: number | undefined;
  /** Each is asked once, and none is left alone for what it did before. */
  readonly isAskedOnce?: boolean | undefined;
}

/**
 * One question to whatever answers its name. Until the first words of an answer each server behind the name is asked in
 * turn, and those that may recover are asked again a little later; after them nobody else is.
 */
export class ModelCall {
  readonly request: ModelRequest;
  /** Safe to log and to count by, unlike the name in the prompt. */
  readonly registeredAs: string | undefined;
  readonly #plan: CallPlan;
  readonly #attempts: Attempt[] = [];
  #route: Route;

  constructor(plan: CallPlan) {
    const [first] = plan.order;
    if (first === undefined) throw new Error('a call without a target');
    this.request = plan.request;
    this.registeredAs = plan.registeredAs;
    this.#plan = plan;
    this.#route = first;
  }

  /** The kind of what answers, or is to blame; before that, of what is asked first. */
  get name(): string {
    return this.#route.target.model.name;
  }

  /** Where that is. */
  get host(): string | undefined {
    return this.#route.target.model.host;
  }

  /** What the registry calls it. */
  get upstream(): string {
    return this.#route.target.upstream;
  }

  /** In order; the last one answers if it has no code. */
  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  /** What a usage costs where it was answered, in whole billionths of a unit of the currency of the registry. */
  costOf(usage: Partial<ModelUsage>): number | undefined {
    return costInNanos(usage, this.#route.target.price);
  }

  /**
   * As the `stream` of a model.
   * @throws {ModelError} of the last that was asked, when nobody answered; at any time, also after chunks
   */
  async *stream(signal: AbortSignal): AsyncGenerator<readonly ModelChunk[]> {
    const deadline = new Deadline(this.#plan.timeoutMs, signal);
    try {
      const { begun, leave } = await this.#first(deadline, (route) => this.#begin(route, deadline.signal));
      try {
        yield* chunksOf(begun);
      } finally {
        leave();
      }
    } finally {
      deadline.end();
    }
  }

  /** The beginning of an answer of this server, and how to give its place back. */
  async #begin({ target, guard }: Route, signal: AbortSignal): Promise<{ begun: BegunAnswer; leave: () => void }> {
    const leave = guard.enter();
    try {
      const request = { ...this.request, model: target.asksFor };
      const begin = () => beginningOf(target.model.stream(request, signal));
      return { begun: await (this.#plan.isAskedOnce === true ? begin() : guard.begin(begin)), leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** What the first route gives that gives something. @throws {ModelError} of the last that was asked */
  async #first<Given>(deadline: Deadline, ask: (route: Route) => Promise<Given>): Promise<Given> {
    const { order, isAskedOnce } = this.#plan;
    const retriesMax = isAskedOnce === true ? 0 : RETRIES_MAX;
    const failures: Failure[] = [];
    let routes = [...order.filter(({ guard }) => !guard.isPaused), ...order.filter(({ guard }) => guard.isPaused)];
    for (const { guard } of routes) guard.retries.earn();
    let backoff = new ExponentialBackoff(RETRY_DELAY).next();
    for (let retries = 0; ; retries += 1) {
      const round: Failure[] = [];
      for (const route of routes) {
        try {
          const given = await ask(route);
          this.#route = route;
          this.#attempts.push({ upstream: route.target.upstream });
          return given;
        } catch (error) {
          round.push({ route, error: this.#failure(route, error, deadline) });
        }
      }
      failures.push(...round);
      const again = retries < retriesMax ? round.filter(mayRecover) : [];
      const waitMs = Math.max(backoff.duration, retryAfterMs(again));
      // guard: retry-deadline
      if (!deadline.hasMs(waitMs)) again.length = 0;
      routes = again.map(({ route }) => route).filter(({ guard }) => guard.retries.spend());
      if (routes.length === 0) throw this.#blame(failures);
      await pause(waitMs, deadline.signal);
      backoff = backoff.next(undefined);
    }
  }

  /** Notes why a route gave nothing. @throws the error, where no other route may be asked for that reason */
  #failure(route: Route, error: unknown, { signal }: Deadline): ModelError {
    this.#route = route;
    if (!(error instanceof ModelError)) throw error;
    const { code, fault } = error;
    this.#attempts.push({ upstream: route.target.upstream, code, cause: fault?.cause, status: fault?.status });
    // What was withheld is an answer: another server is not asked to be less careful.
    // guard: withheld-is-final
    if (fault?.cause === 'withheld') throw error;
    signal.throwIfAborted();
    return error;
  }

  /** The last error of a server that was really asked, and that server. */
  #blame(failures: readonly Failure[]): ModelError {
    const failure = failures.findLast(({ error }) => !UNASKED.includes(error.fault?.cause)) ?? failures.at(-1);
    if (failure === undefined) throw new Error('nothing failed');
    this.#route = failure.route;
    return failure.error;
  }
}

function mayRecover({ error: { fault } }: Failure): boolean {
  if (fault === undefined) return false;
  // guard: retry-after-max
  if ((fault.retryAfterSeconds ?? 0) > RETRY_AFTER_MAX_SECONDS) return false;
  return TRANSIENT_CAUSES.includes(fault.cause) || TRANSIENT_STATUSES.includes(fault.status);
}

/** How long to wait so that all of them want to be asked, by their own word. */
function retryAfterMs(failures: readonly Failure[]): number {
  const waits = failures.map(({ error }) => (error.retryAfterSeconds ?? 0) * 1000);
  return waits.length === 0 ? 0 : Math.max(...waits);
}

/** @throws the signal's reason */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}
