import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemDocument } from '@bulla/contract';
import { requestIdOf } from './request-id.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { Readiness } from '../observe/health.js';
import type { LoopLag } from '../process/loop-lag.js';
import type { Metrics } from '../observe/metrics.js';
import { OneAtATime } from './one-at-a-time.js';
import type { NoPlace, Places } from './places.js';
import { overloaded } from './problem-of.js';
import { PROBLEM_MEDIA_TYPE } from './problem-filter.js';
import type { ServiceName } from '../route/route-table.js';
import { SECURITY_HEADERS } from './security-headers.js';
import type { SlowReaders } from './slow-readers.js';
import type { ServerTls } from '../tls/server-tls.js';

/** How many were refused unread within a second or so: there was no strength for them. */
const REQUESTS_TURNED_AWAY = new LogEvent<{ count: number }>('requests-turned-away', 'warn');

const FREE = /^\/health\//;
const SAY_INTERVAL_MS = 1_000;
/** Never thrown: each error of its own would write down where it was made. */
const REFUSAL = overloaded();

export interface GateParts {
  readonly service: ServiceName;
  readonly log: EventLog;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly places: Places;
  readonly lag: LoopLag;
  readonly slowReaders: SlowReaders;
  /** Where it is there, nothing but TLS is spoken. */
  readonly tls?: ServerTls | undefined;
}

/** Whether a request is about health: it is answered whatever else there is to do. */
export function isFree(url: string | undefined): boolean {
  return FREE.test(url ?? '');
}

/**
 * Turns away what is beyond its strength, before the framework sees it: under twice the load that can be served every
 * second request is refused, and what that costs is taken from the others (docs/decisions/2026-11-25-limits.md#places).
 * Nothing of such a request is read; its line in the log is one a second for all of them.
 */
export class Gate {
  readonly #parts: GateParts;
  readonly #timer: NodeJS.Timeout;
  readonly #oneAtATime: OneAtATime;
  #unsaid = 0;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#say(), SAY_INTERVAL_MS).unref();
    this.#oneAtATime = new OneAtATime(() => parts.metrics.overloads.inc({ why: 'pipelined' }));
  }

  /** A server that asks the gate first, and the framework only if it lets a request through. */
  serverFor(options: ServerOptions, framework: RequestListener): Server {
    const begin = (request: IncomingMessage, response: ServerResponse) => {
      // guard: gate-health without: const why = this.#whyNot(request);
      const why = isFree(request.url) ? undefined : this.#whyNot(request);
      if (why === undefined) framework(request, response);
      else this.#refuse(why, request, response);
    };
    const listener: RequestListener = (request, response) => {
      this.#oneAtATime.enter({ request, response, begin: () => begin(request, response) });
    };
    const { tls, ...parts } = this.#parts;
    if (tls === undefined) return createServer(options, listener);
    return tls.serve(options, { ...parts, handshakeTimeoutMs: options.headersTimeout ?? 0 }, listener);
  }

  /** See {@link OneAtATime.endAfterAnswers}. */
  endAfterAnswers(socket: Socket): boolean {
    return this.#oneAtATime.endAfterAnswers(socket);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#say();
  }

  /** Nothing new while the service ends, since a connection that was kept alive may bring more. */
  #whyNot({ headers }: IncomingMessage): NoPlace | undefined {
    const { readiness, lag, places } = this.#parts;
    // guard: gate-draining
    if (readiness.draining) return 'draining';
    // Which route it is for is not known yet; admission asks again.
    // guard: gate-claimed without: const standing = 'stranger';
    const standing = headers['signature-input'] === undefined ? 'stranger' : 'claimed';
    // guard: gate-full without: return lag.tooHigh ? 'event_loop' : undefined;
    // guard: gate-lag without: return places.turnAway(standing);
    return lag.tooHigh ? 'event_loop' : places.turnAway(standing);
  }

  #refuse(why: NoPlace, request: IncomingMessage, response: ServerResponse): void {
    const { service: origin, metrics, slowReaders } = this.#parts;
    const requestId = requestIdOf(request);
    const body = JSON.stringify(problemDocument(REFUSAL, { requestId, origin, nowMs: 0 }));
    slowReaders.watch(response);
    response.writeHead(REFUSAL.status, {
      ...SECURITY_HEADERS,
      'content-type': PROBLEM_MEDIA_TYPE,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'retry-after': String(REFUSAL.retryAfterSeconds),
      'x-request-id': requestId,
      ...(why === 'draining' ? { connection: 'close' } : {}),
    });
    response.end(body);
    metrics.overloads.inc({ why });
    metrics.requests.inc({ route: 'unread', method: request.method ?? '', code: REFUSAL.status });
    this.#unsaid++;
  }

  #say(): void {
    if (this.#unsaid === 0) return;
    this.#parts.log.write(REQUESTS_TURNED_AWAY, { count: this.#unsaid });
    this.#unsaid = 0;
  }
}
