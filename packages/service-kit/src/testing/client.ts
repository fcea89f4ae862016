import { randomUUID } from 'node:crypto';
import { requestSummary, signRequest, verifyResponse } from '@bulla/crypto/http';
import type { Bytes, Signer } from '@bulla/crypto';
import type { HttpRequestParts, RequestSummary, ResponseTrust } from '@bulla/crypto/http';
import supertest from 'supertest';
import type { OpenapiContract } from './openapi.js';
import type { Service } from '../service.js';

/** Whose key signs: a member of a test organisation, or anybody with a key. */
export interface Asker {
  /** `urn#kid`. */
  readonly keyid: string;
  readonly signer: Signer;
}

export interface SignedClientOptions {
  /** Seconds; the wall clock unless given. */
  readonly now?: () => number;
  /** Every answer is checked against it. */
  readonly contract?: OpenapiContract;
  readonly authority?: string;
}

/** What a test sends that a well-behaved client would not, or would leave to chance. */
export interface SendOptions {
  /** Sent as JSON, or byte for byte where it is a string or bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly nonce?: string;
  /** Seconds; when the request says that it was signed. */
  readonly signedAt?: number;
  /** Changes what is sent after it was signed. */
  readonly tamper?: (sent: { headers: Record<string, string>; body: Buffer | undefined; path: string }) => void;
}

export interface TestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Bytes;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: unknown;
  /** What the answer must be bound to. */
  readonly request: RequestSummary;
}

/** Sends signed requests to a service, listening or not, as a client of the organisation does. */
export class SignedClient {
  readonly #service: Service;
  readonly #asker: Asker;
  readonly #options: SignedClientOptions;

  constructor(service: Service, asker: Asker, options: SignedClientOptions = {}) {
    this.#service = service;
    this.#asker = asker;
    this.#options = options;
  }

  get(path: string, options: SendOptions = {}): Promise<TestResponse> {
    return this.send('GET', path, options);
  }

  delete(path: string, options: SendOptions = {}): Promise<TestResponse> {
    return this.send('DELETE', path, options);
  }

  post(path: string, body: unknown, options: SendOptions = {}): Promise<TestResponse> {
    return this.send('POST', path, { ...options, body });
  }

  put(path: string, body: unknown, options: SendOptions = {}): Promise<TestResponse> {
    return this.send('PUT', path, { ...options, body });
  }

  async send(method: 'GET' | 'DELETE' | 'POST' | 'PUT', path: string, options: SendOptions): Promise<TestResponse> {
    const authority = this.#options.authority ?? this.#service.authorities[0] ?? '';
    const body = options.body === undefined ? undefined : bytesOf(options.body);
    const parts = partsOf(method, authority, path, body, options);
    const now = options.signedAt ?? this.#options.now?.() ?? Math.floor(Date.now() / 1000);
    const signature = await signRequest(parts.request, {
      ...this.#asker,
      now,
      ...(options.nonce === undefined ? {} : { nonce: options.nonce }),
    });
    const sent = { headers: { ...parts.headers, ...signature, host: authority }, body, path };
    options.tamper?.(sent);
    const response = await this.#exchange(method, sent);
    this.#options.contract?.check(method, path, response);
    return { ...response, request: requestSummary(parts.request, signature['signature']) };
  }

  /**
   * Checks that an answer is signed by the service and bound to its request.
   * @throws {CryptoError} if it is not
   */
  async verify(response: TestResponse, trust: ResponseTrust, expectedUrn: string): Promise<void> {
    const { status, bytes, headers } = response;
    const parts = { status, ...(bytes.length > 0 ? { body: bytes } : {}), header: (name: string) => headers[name] };
    const now = this.#options.now?.() ?? Math.floor(Date.now() / 1000);
    await verifyResponse(parts, response.request, { trust, now, expectedUrn });
  }

  async #exchange(
    method: 'GET' | 'DELETE' | 'POST' | 'PUT',
    sent: { headers: Record<string, string>; body: Buffer | undefined; path: string },
  ): Promise<Omit<TestResponse, 'request'>> {
    const agent = supertest(this.#service.app.getHttpServer());
    const verb = method.toLowerCase() as 'get' | 'delete' | 'post' | 'put';
    const asIs = (body: Buffer) => body as unknown as string;
    const sending = agent[verb](sent.path).set(sent.headers).buffer(true).parse(collect);
    const response = await (sent.body === undefined ? sending : sending.serialize(asIs).send(sent.body));
    const bytes = new Uint8Array(response.body as Buffer);
    const text = Buffer.from(bytes).toString('utf8');
    const headers = response.headers as Record<string, string>;
    const isJson = /[/+]json/.test(headers['content-type'] ?? '') && text !== '';
    return { status: response.status, headers, bytes, text, body: isJson ? JSON.parse(text) : undefined };
  }
}

function partsOf(
  method: string,
  authority: string,
  path: string,
  body: Buffer | undefined,
  options: SendOptions,
): { request: HttpRequestParts; headers: Record<string, string> } {
  const withBody =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'idempotency-key': options.idempotencyKey ?? randomUUID() };
  const headers: Record<string, string> = { ...withBody, ...options.headers };
  const at = path.indexOf('?');
  const target = at < 0 ? { path, query: '?' } : { path: path.slice(0, at), query: path.slice(at) };
  const header = (name: string) => headers[name];
  const request = {
    method,
    authority,
    ...target,
    header,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  };
  return { request, headers };
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

type Collected = (error: Error | null, body: Buffer) => void;

/** The raw bytes: a signature is over them. */
function collect(response: supertest.Response, done: Collected): void {
  const chunks: Buffer[] = [];
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => done(null, Buffer.concat(chunks)));
}
