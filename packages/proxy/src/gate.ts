import type { IncomingMessage } from 'node:http';
import { isLoopback } from '@bulla/client';
import type { Bearer } from './bearer.js';
import { Refusal } from './refusal.js';

/** Longest body of a request, in bytes: more than any question that fits into one invocation. */
export const BODY_BYTES_MAX = 13 * 1024 * 1024;

/** Where apps find the interfaces of their vendors. */
const BASE = '/v1/';
export const STATUS_PATH = '/bulla/status';

/** What a request is about, once it was let in. */
export interface Admitted {
  readonly method: 'GET' | 'POST';
  /** The path below the base: `/chat/completions`; undefined for the status of the proxy. */
  readonly path: string | undefined;
}

/**
 * Lets a request in by its head alone: nothing of its body was read, and nothing was asked.
 * @throws {Refusal} forbidden, unauthenticated, not_found, method_not_allowed, unsupported_media_type, payload_too_large
 */
export function admit(request: IncomingMessage, bearer: Bearer, bodyBytesMax = BODY_BYTES_MAX): Admitted {
  const { headers } = request;
  // A name of a web page that now leads here (DNS rebinding) is still in its Host.
  // guard: proxy-host
  if (!isLocalHost(headers.host))
    throw new Refusal('forbidden', 'the Host is not this machine; use the base URL that `bulla proxy` printed');
  // guard: proxy-origin
  if (headers.origin !== undefined)
    throw new Refusal('forbidden', 'a web page sent this; the proxy is for programs, and no page may use it');
  // guard: proxy-bearer
  if (!bearer.opens(headers))
    throw new Refusal('unauthenticated', 'the key is not that of this proxy; `bulla proxy env` prints it', {
      'www-authenticate': 'Bearer',
    });
  const path = pathOf(request);
  const allowed = path === undefined ? ['GET'] : ['GET', 'POST'];
  const method = allowed.find((one) => one === request.method) as Admitted['method'] | undefined;
  // guard: proxy-method without: if (false) throw new Refusal('internal', '');
  if (method === undefined)
    throw new Refusal('method_not_allowed', `this is asked with ${allowed.join(' or ')}`, {
      allow: allowed.join(', '),
    });
  if (method === 'POST') requireBody(headers, bodyBytesMax);
  return { method: method ?? 'GET', path };
}

/** The path below the base, or undefined for the status of the proxy. @throws {Refusal} not_found */
function pathOf({ url = '' }: IncomingMessage): string | undefined {
  const [path = ''] = url.split('?', 1);
  if (path === STATUS_PATH) return undefined;
  // guard: proxy-path
  if (!path.startsWith(BASE))
    throw new Refusal('not_found', 'there is nothing at this path; the base URL ends with /v1');
  return path.slice(BASE.length - 1);
}

/** The same of a request that may yet be refused: it tells which vendor's errors its app reads. */
export function pathBelowBase({ url = '' }: IncomingMessage): string {
  return (url.split('?', 1)[0] ?? '').replace(/^\/v1(?=\/)/, '');
}

/** @throws {Refusal} unsupported_media_type, payload_too_large */
function requireBody(headers: IncomingMessage['headers'], bodyBytesMax: number): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  // What a page may send without asking first is never JSON.
  // guard: proxy-json
  if (type.trim().toLowerCase() !== 'application/json' || headers['content-encoding'] !== undefined)
    throw new Refusal('unsupported_media_type', 'the body is not application/json; send JSON, not compressed');
  // guard: proxy-body-stated
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) throw tooLarge(bodyBytesMax);
}

export function tooLarge(bodyBytesMax: number): Refusal {
  return new Refusal('payload_too_large', `the body is larger than ${bodyBytesMax} bytes; send less`);
}

/** Whether a Host names this machine, with or without a port. */
function isLocalHost(host = ''): boolean {
  return isLoopback(host.toLowerCase().replace(/:\d{1,5}$/, ''));
}
