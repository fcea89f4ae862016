import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Which try of an app a request is, as SDKs of OpenAI and Anthropic say it; undefined where an app does not say it. */
export function retryCountOf({ 'x-stainless-retry-count': count }: IncomingHttpHeaders): number | undefined {
  return typeof count === 'string' && /^\d{1,3}$/.test(count) ? Number(count) : undefined;
}

/** What a request and its retries have in common: the same bearer asks the same at the same path. */
export function retryKey(
  { authorization = '', 'x-api-key': key = '' }: IncomingHttpHeaders,
  path: string,
  body: Uint8Array,
): string {
  const shown = JSON.stringify([authorization, key, path]);
  // guard: proxy-retry-body without: return createHash('sha256').update(shown).digest('base64url');
  return createHash('sha256').update(shown).update('\0').update(body).digest('base64url');
}
