import type { BullaError } from './errors.js';

const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 8_000;
/** Longer waits are left to the caller, who knows whether anybody still waits. */
const ASKED_WAIT_MAX_MS = 60_000;

/**
 * How long to wait before the next try, or undefined if there is to be none: what the service asked for, else
 * twice as long each time with jitter.
 * @param attempt number of tries before the one that failed
 */
function waitBeforeRetryMs(error: BullaError, attempt: number): number | undefined {
  if (!error.retryable) return undefined;
  if (error.retryAfterSeconds !== undefined) {
    const asked = error.retryAfterSeconds * 1000;
    return asked <= ASKED_WAIT_MAX_MS ? asked : undefined;
  }
  const most = Math.min(2 * BACKOFF_MS * 2 ** attempt, BACKOFF_MAX_MS);
  return most / 2 + Math.random() * (most / 2);
}

/**
 * How long to wait before a request is sent again, in milliseconds, or undefined if it is not.
 * @param attempt number of tries before the one that failed
 * @param retries how often the client was told to try again
 */
export type Again = (error: BullaError, attempt: number, retries: number) => number | undefined;

/** The number of times that the client was told. */
export const retryAFewTimes: Again = (error, attempt, retries) =>
  attempt < retries ? waitBeforeRetryMs(error, attempt) : undefined;

/** How long a service is waited for that was lost with a request: it is back within half a minute. */
const RETURN_MS = 60_000;
const RETURN_POLL_MS = 2_000;

/**
 * As {@link retryAFewTimes} until a try may have reached the service. From then on the request is sent again until it
 * is known how that try ended: while the service says that it is at work, and while it is gone for a minute at most.
 * @param mayAsk whether the same request can still be answered
 */
export function untilKnown(mayAsk: () => boolean): Again {
  let mayHaveBegun = false;
  let counted = 0;
  let goneSinceMs: number | undefined;
  return (error, _attempt, retries) => {
    const wait = waitBeforeRetryMs(error, counted);
    if (wait === undefined || retries === 0 || !mayAsk()) return undefined;
    if (error.code === 'indeterminate') {
      mayHaveBegun = true;
      goneSinceMs = undefined;
      return wait;
    }
    counted += 1;
    const lost = connectionFault(error);
    if (lost === undefined) return counted <= retries ? wait : undefined;
    mayHaveBegun ||= lost === 'cut';
    if (!mayHaveBegun) return counted <= retries ? wait : undefined;
    goneSinceMs ??= performance.now();
    return performance.now() - goneSinceMs < RETURN_MS ? Math.min(wait, RETURN_POLL_MS) : undefined;
  };
}

/** Nothing reaches a service by these. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** What `fetch` says of a connection: there was none, or it broke; browsers do not say which. */
function connectionFault({ code, cause }: BullaError): 'none' | 'cut' | undefined {
  if (code !== 'transport_failed' || !(cause instanceof Object) || (cause as Error).name !== 'TypeError')
    return undefined;
  const reason: unknown = (cause as { cause?: { code?: unknown } }).cause?.code;
  return NOT_CONNECTED.has(reason) ? 'none' : 'cut';
}

/** Waits, unless the signal aborts first: then its reason is thrown. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
