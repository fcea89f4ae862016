import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Bearer } from './bearer.js';
import { Counts } from './counts.js';
import { refusalResponse } from './error-shapes.js';
import { Exchange } from './exchange.js';
import type { FirstTriesOptions } from './first-tries.js';
import { FirstTries } from './first-tries.js';
import { admit, BODY_BYTES_MAX, pathBelowBase } from './gate.js';
import type { ListenAddress } from './listening.js';
import { listenFault } from './listening.js';
import { Refusal } from './refusal.js';
import { readBody } from './request-body.js';
import type { Surface, WholeResponse } from './surface.js';
import { refuseUnread } from './unread-requests.js';

export interface ProxyServerOptions {
  readonly surface: Surface;
  readonly bearer: Bearer;
  readonly listen: ListenAddress;
  /** What `bulla proxy status` shows, beside what is counted here. */
  readonly describe: () => Promise<object>;
  readonly counts?: Counts;
  /** Whether a receipt that was promised could not be kept; none is unless given. */
  readonly isLost?: (receiptId: string) => boolean;
  readonly bodyBytesMax?: number;
  /** After so long without an event, a stream says that it still lives; 10 s unless given. */
  readonly heartbeatMs?: number;
  /** Longest time from the first byte of a request to its last; 30 s unless given. */
  readonly requestMs?: number;
  readonly tries?: FirstTriesOptions;
}

const HEARTBEAT_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
/** How long runs may still end by themselves once the proxy is told to stop. */
const GRACE_MS = 5_000;
/** How long what was written last may take to leave. */
const PARTING_MS = 1_000;

/** The HTTP server that apps talk to, on this machine alone. */
export class ProxyServer {
  readonly #options: Required<Omit<ProxyServerOptions, 'tries'>>;
  readonly #tries: FirstTries;
  readonly #exchanges = new Set<Exchange>();
  /** The newest exchange of each connection. */
  readonly #answering = new WeakMap<Duplex, Exchange>();
  readonly #server: Server;
  #heartbeat: NodeJS.Timeout | undefined;
  #isStopping = false;

  private constructor({ tries, ...options }: ProxyServerOptions) {
    this.#options = {
      counts: new Counts(),
      isLost: () => false,
      bodyBytesMax: BODY_BYTES_MAX,
      heartbeatMs: HEARTBEAT_MS,
      requestMs: REQUEST_MS,
      ...options,
    };
    this.#tries = new FirstTries(tries);
    const { requestMs } = this.#options;
    this.#server = createServer(
      {
        requestTimeout: requestMs,
        headersTimeout: requestMs,
        connectionsCheckingInterval: Math.min(1_000, requestMs),
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => void this.#serve(request, response),
    );
    // A stream may say nothing for as long as its model thinks: silence ends no connection.
    this.#server.setTimeout(0);
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#unread(error, socket));
  }

  /**
   * Begins to listen.
   * @throws {ProxyError} if the port is taken, or the system does not let it
   */
  static async start(options: ProxyServerOptions): Promise<ProxyServer> {
    const proxy = new ProxyServer(options);
    const { listen } = options;
    proxy.#server.listen(listen.port, listen.host);
    try {
      await once(proxy.#server, 'listening');
    } catch (error) {
      throw listenFault(error, listen);
    }
    proxy.#beat();
    return proxy;
  }

  /** The address without a path: `http://127.0.0.1:4141`. OpenAI's base is below it, at `/v1`; Anthropic's is this one. */
  get origin(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /**
   * Takes no further request, lets runs end for a moment, and ends the others by an error that apps understand.
   * @param graceMs how long runs may still take; 5 s unless given.
   */
  async stop(graceMs = GRACE_MS): Promise<void> {
    this.#isStopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await within(graceMs, () => this.#exchanges.size === 0);
    for (const exchange of this.#exchanges) exchange.stop();
    this.#tries.stop();
    await within(PARTING_MS, () => this.#exchanges.size === 0);
    clearInterval(this.#heartbeat);
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { surface, counts, isLost, bearer, bodyBytesMax } = this.#options;
    response.setHeader('x-request-id', `req_${randomUUID().replaceAll('-', '')}`);
    response.setHeader('cache-control', 'no-store');
    if (this.#isStopping) response.setHeader('connection', 'close');
    const path = pathBelowBase(request);
    const exchange = new Exchange(request, response, path, { surface, tries: this.#tries, counts, isLost });
    this.#exchanges.add(exchange);
    this.#answering.set(request.socket, exchange);
    response.on('close', () => this.#exchanges.delete(exchange));
    try {
      const admitted = admit(request, bearer, bodyBytesMax);
      if (admitted.path === undefined) return exchange.tell(await this.#status());
      const body = admitted.method === 'GET' ? new Uint8Array() : await readBody(request, bodyBytesMax);
      await exchange.run(admitted.method, body);
    } catch (error) {
      if (error instanceof Refusal) counts.refused++;
      exchange.tell(refusalResponse(asRefusal(error), path));
    }
  }

  /** What came is no request. It may have come behind one that is still answered. */
  #unread(error: NodeJS.ErrnoException, socket: Duplex): void {
    const exchange = this.#answering.get(socket);
    // guard: proxy-unread-silent without: if (false)
    if (exchange?.isTelling === true) exchange.stop();
    else refuseUnread(error, socket);
  }

  async #status(): Promise<WholeResponse> {
    const { counts, describe } = this.#options;
    const { calls, verified, coalesced, refused, faults } = counts;
    const counted = { calls, verified, coalesced, refused, faults, open: this.#exchanges.size - 1 };
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...(await describe()), ...counted }),
    };
  }

  /** One timer for all streams. */
  #beat(): void {
    const { heartbeatMs } = this.#options;
    this.#heartbeat = setInterval(
      () => {
        const nowMs = performance.now();
        for (const exchange of this.#exchanges) exchange.ping(nowMs, heartbeatMs);
      },
      Math.ceil(heartbeatMs / 2),
    );
    this.#heartbeat.unref();
  }
}

/** What goes wrong without a name is not the app's fault, and its words are not for the app. */
function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal', 'the proxy failed; ask again');
}

/** Waits until something is so, at most for a while. */
async function within(ms: number, isSo: () => boolean): Promise<void> {
  for (const untilMs = performance.now() + ms; !isSo() && performance.now() < untilMs; )
    await new Promise((resolve) => setTimeout(resolve, 20));
}
