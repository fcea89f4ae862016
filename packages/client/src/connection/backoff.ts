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
  return backoffMs(attempt, { firstMs: 2 * BACKOFF_MS, maxMs: BACKOFF_MAX_MS });
}

/**
 * Twice as long each time, up to a longest wait, and of that at least a half: who failed together does not come back
 * together.
 * @param attempt number of tries before the one that failed
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number {
  const most = Math.min(firstMs * 2 ** attempt, maxMs);
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
const RETURN_POLL_MS = 1_000;

/**
 * As {@link retryAFewTimes} until a try may have reached the service. From then on the request is sent again until it
 * is known how that try ended: while the service answers that it is to be asked again, whatever for, and while nothing
 * that it signed comes for a minute at most.
 * @param mayAsk whether the same request can still be answered
 */
export function untilKnown(mayAsk: () => boolean): Again {
  let mayHaveBegun = false;
  let counted = 0;
  let goneSinceMs: number | undefined;
  return (error, _attempt, retries) => {
    if (retries === 0 || !mayAsk()) return undefined;
    mayHaveBegun ||= error.code === 'indeterminate' || wasCut(error);
    if (!mayHaveBegun) return retryAFewTimes(error, counted++, retries);
    // What nobody signed is anybody's word, and worth no more than silence.
    const isSilent = error.code === 'transport_failed';
    const wait = isSilent ? RETURN_POLL_MS : waitBeforeRetryMs(error, counted++);
    if (isSilent) goneSinceMs ??= performance.now();
    else goneSinceMs = undefined;
    const isGone = goneSinceMs !== undefined && performance.now() - goneSinceMs >= RETURN_MS;
    return isGone ? undefined : wait;
  };
}

/** Nothing reaches a service by these. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** Whether a connection broke that was there; browsers do not say whether it was. */
function wasCut({ code, cause, details }: BullaError): boolean {
  // Nothing is sent before the certificate was found good.
  // guard: client-tls-unsent
  if (details?.kind === 'tls') return false;
  // By its name: `fetch` may throw the class of another realm.
  if (code !== 'transport_failed' || (cause as Error | undefined)?.name !== 'TypeError') return false;
  return !NOT_CONNECTED.has((cause as { cause?: { code?: unknown } }).cause?.code);
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
