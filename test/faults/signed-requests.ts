import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { signRequest } from '@bulla/crypto/http';
import type { Signer } from '@bulla/crypto';

/** Whose key signs. */
export interface Asker {
  /** `urn#kid`. */
  readonly keyid: string;
  readonly signer: Signer;
}

export interface MessageOptions {
  /** Sent as JSON, or as it is where it is a string or bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** A fresh one unless given. */
  readonly idempotencyKey?: string;
  readonly nonce?: string;
  /** Seconds; now unless given. */
  readonly signedAt?: number;
}

/** A signed request before it is sent: every part of it may still be respelled. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: unknown;
}

/** No answer within this time is no answer at all: longer than every time-out of a service. */
const DEADLINE_MS = 45_000;

/** Signs a request to a service, with everything a well-behaved client sends. */
export async function signedMessage(
  url: string,
  { keyid, signer }: Asker,
  method: string,
  target: string,
  options: MessageOptions = {},
): Promise<Message> {
  const body = options.body === undefined ? undefined : bytesOf(options.body);
  const withBody = { 'content-type': 'application/json', 'idempotency-key': options.idempotencyKey ?? randomUUID() };
  const headers: Record<string, string> = { ...(body === undefined ? {} : withBody), ...options.headers };
  const at = target.indexOf('?');
  const host = new URL(url).host;
  const parts = {
    method,
    authority: host,
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? '?' : target.slice(at),
    header: (name: string) => headers[name],
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  };
  const now = options.signedAt ?? Math.floor(Date.now() / 1000);
  const nonce = options.nonce === undefined ? {} : { nonce: options.nonce };
  const signature = await signRequest(parts, { keyid, signer, now, ...nonce });
  return { method, target, headers: { host, ...headers, ...signature }, body };
}

/**
 * Sends a message on a connection of its own.
 * @throws {Error} of Node where the connection fails; code `ETIMEDOUT` after three quarters of a minute
 */
export async function send(url: string, { method, target, headers, body }: Message): Promise<HttpAnswer> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const sending = httpRequest({ host: hostname, port, method, path: target, headers, agent: false });
  const late = setTimeout(() => {
    sending.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
  }, DEADLINE_MS);
  sending.on('error', reject);
  sending.on('response', (response: IncomingMessage) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => resolve(answerOf(response, Buffer.concat(chunks).toString('utf8'))));
  });
  sending.end(body);
  try {
    return await promise;
  } finally {
    clearTimeout(late);
  }
}

/** Signs a request and sends it. */
export async function call(
  url: string,
  asker: Asker,
  method: string,
  target: string,
  options: MessageOptions = {},
): Promise<HttpAnswer> {
  return send(url, await signedMessage(url, asker, method, target, options));
}

/** The bytes of a message as they go over a connection that then closes. */
export function rawOf({ method, target, headers, body }: Message): string {
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  const all = { ...headers, ...length, connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${target} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${body?.toString('utf8') ?? ''}`;
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): HttpAnswer {
  const isJson = /[/+]json/.test(headers['content-type'] ?? '') && text !== '';
  return {
    status: statusCode,
    headers: headers as Record<string, string | undefined>,
    text,
    body: isJson ? JSON.parse(text) : undefined,
  };
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
