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
export function waitBeforeRetryMs(error: BullaError, attempt: number): number | undefined {
  if (!error.retryable) return undefined;
  if (error.retryAfterSeconds !== undefined) {
    const asked = error.retryAfterSeconds * 1000;
    return asked <= ASKED_WAIT_MAX_MS ? asked : undefined;
  }
  const most = Math.min(2 * BACKOFF_MS * 2 ** attempt, BACKOFF_MAX_MS);
  return most / 2 + Math.random() * (most / 2);
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
