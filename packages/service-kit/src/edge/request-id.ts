import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

/** The X-Request-Id that came, if it is safe to write into logs and documents; else a fresh one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' &&
    // guard: request-id
    REQUEST_ID.test(id)
    ? id
    : randomUUID();
}
