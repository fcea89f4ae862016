import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ProblemCode, Route, RouteName } from '@bulla/contract';
import { Problem, problemDocument, ROUTES } from '@bulla/contract';
import type { Signer, Trust } from '@bulla/crypto';
import type { RequestSummary } from '@bulla/crypto/http';
import { CryptoError, utf8 } from '@bulla/crypto';
import { parseRequestSignature, signResponse, verifyRequestSignature } from '@bulla/crypto/http';

/** A request as it arrived, with everything that was in it. */
export interface Recorded {
  readonly name: RouteName | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a handler gets: values out of the request, and who signed it. */
export interface Incoming {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: never;
  readonly headers: Readonly<Record<string, string>>;
  /** URN and kid of the caller; empty on public routes. */
  readonly urn: string;
  readonly kid: string;
}

/** What a handler answers: JSON, text as it is, or whatever it does with the response itself. */
export interface Outgoing {
  readonly status?: number;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly write?: (response: ServerResponse) => Promise<void> | void;
}

export type Handler = (incoming: Incoming) => Outgoing | Promise<Outgoing>;
export type Handlers = Partial<Record<RouteName, Handler>>;

export interface ServiceMember {
  readonly keyid: string;
  readonly signer: Signer;
}

/** A service on a port of its own that speaks the contract: verifies what is signed, signs what it answers. */
export class SignedService {
  /** Every request since the start, whatever became of it. */
  readonly requests: Recorded[] = [];
  /** Replaces handlers, for services that lie. */
  readonly lies: Handlers = {};
  /** Who signs answers. */
  member: ServiceMember;
  /** Whether a repeated idempotency key is answered anew. */
  forgetAnswers = false;
  /** Answers to sign wrongly: leaves the signature out, or signs another body. */
  signatures: 'good' | 'none' | 'wrong' = 'good';
  readonly #handlers: Handlers;
  readonly #trust: () => Trust;
  readonly #now: () => number;
  readonly #server: Server;
  /** How many connections were opened so far. */
  connections = 0;
  readonly #answered = new Map<string, Outgoing>();
  readonly #sockets = new Set<Socket>();

  constructor(options: { handlers: Handlers; trust: () => Trust; member: ServiceMember; now: () => number }) {
    this.#handlers = options.handlers;
    this.#trust = options.trust;
    this.#now = options.now;
    this.member = options.member;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Everything that ever arrived, as one text to look for secrets in. */
  get received(): string {
    return JSON.stringify(this.requests);
  }

  of(name: RouteName): Recorded[] {
    return this.requests.filter((request) => request.name === name);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers: raw } = request;
    const url = new URL(request.url ?? '', 'http://x');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const headers = Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, String(value)]));
    const { name, params } = routeOf(method, url.pathname);
    this.requests.push({ name, method, path: `${url.pathname}${url.search}`, headers, body: body.toString() });
    const target = {
      method,
      authority: headers['host'] ?? '',
      path: url.pathname,
      query: url.search === '' ? '?' : url.search,
    };
    const parts = {
      ...target,
      header: (field: string) => headers[field],
      ...(body.length > 0 && { body: new Uint8Array(body) }),
    };
    let summary: RequestSummary | undefined;
    try {
      if (name === undefined) throw new Problem('not_found');
      const route: Route = ROUTES[name];
      let [urn, kid] = ['', ''];
      if (route.public === undefined) {
        const parsed = parseRequestSignature(parts);
        const holder = this.#trust().holderOfKeyid(parsed.keyid);
        if (holder === undefined) throw new Problem('unauthenticated');
        summary = await verifyRequestSignature(parsed, holder.record);
        [urn, kid] = [holder.urn, holder.record.kid];
      }
      const handler = this.lies[name] ?? this.#handlers[name];
      if (handler === undefined) throw new Problem('not_found');
      const incoming = {
        params,
        query: url.searchParams,
        headers,
        urn,
        kid,
        body: (body.length > 0 ? JSON.parse(body.toString()) : undefined) as never,
      };
      const outgoing = await this.#once(headers['idempotency-key'], () => handler(incoming));
      if (outgoing.write !== undefined) return await outgoing.write(response);
      const text = outgoing.text ?? (outgoing.body === undefined ? undefined : JSON.stringify(outgoing.body));
      const signing = route.signedResponse ? summary : undefined;
      await this.#answer(
        response,
        outgoing.status ?? route.status,
        'application/json',
        text,
        signing,
        outgoing.headers,
      );
    } catch (error) {
      const problem =
        error instanceof Problem
          ? error
          : new Problem(error instanceof CryptoError ? (error.code as ProblemCode) : 'internal', {
              detail: String(error),
            });
      const document = problemDocument(problem, {
        requestId: 'request-1',
        origin: name?.startsWith('invocation') === true ? 'responder' : 'vault',
        nowMs: this.#now() * 1000,
      });
      const retry =
        problem.retryAfterSeconds === undefined ? undefined : { 'retry-after': String(problem.retryAfterSeconds) };
      await this.#answer(
        response,
        problem.status,
        'application/problem+json',
        JSON.stringify(document),
        summary,
        retry,
      );
    }
  }

  /** The same answer to the same idempotency key, as services give it; streams have nothing to repeat. */
  async #once(key: string | undefined, work: () => Outgoing | Promise<Outgoing>): Promise<Outgoing> {
    const before = key === undefined ? undefined : this.#answered.get(key);
    if (before !== undefined && !this.forgetAnswers) return before;
    const outgoing = await work();
    if (key !== undefined && outgoing.write === undefined) this.#answered.set(key, outgoing);
    return outgoing;
  }

  async #answer(
    response: ServerResponse,
    status: number,
    contentType: string,
    text: string | undefined,
    summary?: RequestSummary,
    more = {},
  ): Promise<void> {
    const body = text === undefined ? undefined : utf8(text);
    let fields = {};
    if (summary !== undefined && this.signatures !== 'none') {
      const signed = this.signatures === 'wrong' ? utf8('{}') : body;
      const { keyid, signer } = this.member;
      fields = await signResponse(
        { status, contentType, ...(signed && { body: signed }), request: summary },
        { keyid, signer, now: this.#now() },
      );
    }
    response.writeHead(status, { ...(body && { 'content-type': contentType }), ...fields, ...more });
    response.end(body);
  }
}

/** The route of a request, and what its path says. */
function routeOf(method: string, path: string): { name: RouteName | undefined; params: Record<string, string> } {
  const fits = (pattern: string) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\{([a-z]+)\}/g, '(?<$1>[^/]+)')}$`).exec(path);
  const routes = Object.entries(ROUTES).filter(([, route]) => route.method === method);
  // A fixed path goes before one with a parameter in the same place.
  const exact = routes.find(([, route]) => route.path === path);
  const found = exact ?? routes.find(([, route]) => fits(route.path) !== null);
  const groups = found === undefined ? undefined : fits(found[1].path)?.groups;
  const params = Object.fromEntries(
    Object.entries(groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
  );
  return { name: found?.[0] as RouteName | undefined, params };
}
