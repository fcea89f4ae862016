import type { Delivery } from './stream-sink.js';
import type { StreamedEntry } from './streamed-entry.js';

/** Batches over HTTP (docs/spec/audit-stream.md). */

/** A line of a batch: which entry it is, and its leaf as a member, letter by letter. */
export function ndjsonLine({ origin, index, leaf, misfit }: StreamedEntry): string {
  return `${JSON.stringify({ origin, index, misfit }).slice(0, -1)},"entry":${leaf}}\n`;
}

/**
 * Names a batch, as a string of draft-ietf-httpapi-idempotency-key-header: the same entries have the same key however
 * often they are sent. A batch may be cut otherwise after a restart, so what tells entries apart is origin and index.
 */
export function idempotencyKeyOf(batch: readonly StreamedEntry[]): string {
  const [first, last] = [batch[0], batch.at(-1)];
  return `"${first?.origin}:${first?.index}-${last?.index}"`;
}

/** RFC 9110: the batch, or an entry in it, is not what the sink takes; it will not be later either. */
const ENTRY_AT_FAULT: ReadonlySet<number> = new Set([400, 413, 422]);

/** What an answer means. Whatever does not say that an entry is at fault is a state of the sink, and passes. */
export function deliveryOf(status: number, retryAfter: string | undefined, nowMs: number): Delivery {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  // guard: stream-entry-at-fault without: if (status >= 400 && status < 500)
  if (ENTRY_AT_FAULT.has(status))
    return { kind: 'refused', reason: `the sink answered ${status}`, tooLarge: status === 413 };
  return { kind: 'away', reason: reasonOf(status), retryAfterMs: retryAfterMs(retryAfter, nowMs) };
}

function reasonOf(status: number): string {
  if (status === 401)
    return 'the sink answered 401: it does not take the token, or wants one (BULLA_STREAM_TOKEN_FILE)';
  if (status === 403) return 'the sink answered 403: it does not let this token write there';
  if (status === 404) return 'the sink answered 404: the path of --to is not there';
  if (status === 429) return 'the sink answered 429: it is asked too often';
  if (status >= 300 && status < 400) return `the sink answered ${status}: it sends elsewhere, which is not followed`;
  return `the sink answered ${status}`;
}

/**
 * `Retry-After` in milliseconds: seconds or a date (RFC 9110 §10.2.3); undefined for what is neither.
 * @param nowMs since 1970.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
