import helmet from '@fastify/helmet';
import { Problem, problemDocument } from '@bulla/contract';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { requestIdOf } from './admission.js';
import { answerBrokenRequest, answerUnroutable } from './broken-request.js';
import type { Clock } from './clock.js';
import type { EdgeOptions } from './edge-options.js';
import type { EventLog } from './event-log.js';
import { PROBLEM_MEDIA_TYPE } from './problem-filter.js';
import { findState } from './request-state.js';
import { responseSignature } from './response-signature.js';
import { entryAt } from './route-table.js';
import type { ServiceName } from './route-table.js';
import type { ServiceKeys } from './service-keys.js';

/** Bounds of one process; every one of them is there because Node or Fastify has none by default. */
export interface Limits {
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a request to the end of its header. */
  readonly headersTimeoutMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveTimeoutMs: number;
  readonly headerBytesMax: number;
  readonly connectionsMax: number;
  /** Requests at work at once; others wait. */
  readonly requestsMax: number;
  /** Requests that wait for a place at once; beyond, 503 at once. */
  readonly waitingMax: number;
  /** How long one waits for a place before it is told 503: an answer too late helps nobody. */
  readonly waitMs: number;
  /** How late the event loop may be, twice in a row, before requests are refused. */
  readonly loopLagMaxMs: number;
  /** How long bytes of an answer may wait for a client that does not take them. */
  readonly writeTimeoutMs: number;
  /** Of all request bodies together, read and announced. */
  readonly bodyBytesInFlightMax: number;
  /** What requests at work get to finish when the service ends. */
  readonly graceMs: number;
  /** How often counted refusals are written down and expired rows purged. */
  readonly choresIntervalMs: number;
}

const LIMITS: Limits = {
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 65_000,
  headerBytesMax: 16_384,
  connectionsMax: 12_000,
  requestsMax: 500,
  waitingMax: 10_000,
  waitMs: 2_000,
  loopLagMaxMs: 500,
  writeTimeoutMs: 60_000,
  bodyBytesInFlightMax: 134_217_728,
  graceMs: 4_000,
  choresIntervalMs: 60_000,
};

/** The API answers data; only the page at /api/docs loads anything, and only from here. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    // Swagger UI brings its styles inline.
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

/** The adapter's options, and the limits that they and others follow. */
export function fastifyOptions(
  service: ServiceName,
  options: Pick<EdgeOptions, 'limits' | 'trustedProxies'> = {},
): { limits: Limits; adapter: FastifyServerOptions } {
  const limits = { ...LIMITS, ...options.limits };
  const { trustedProxies = [] } = options;
  return {
    limits,
    adapter: {
      trustProxy: trustedProxies.length > 0 && [...trustedProxies],
      exposeHeadRoutes: false,
      return503OnClosing: false,
      forceCloseConnections: 'idle',
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      genReqId: (request) => requestIdOf(request),
      clientErrorHandler: answerBrokenRequest(service),
      frameworkErrors: answerUnroutable(service),
      http: {
        headersTimeout: limits.headersTimeoutMs,
        maxHeaderSize: limits.headerBytesMax,
        // Node would answer in words of its own; admission refuses it.
        requireHostHeader: false,
        // How often the two time-outs are looked at; half a minute unless given.
        connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
      },
    } as FastifyServerOptions,
  };
}

export interface FastifyParts {
  readonly service: ServiceName;
  readonly keys: ServiceKeys;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly connectionsMax: number;
}

/** Raw bodies, bounds of each route, security headers, signed responses. */
export async function prepareFastify(fastify: FastifyInstance, parts: FastifyParts): Promise<void> {
  fastify.server.maxConnections = parts.connectionsMax;
  fastify.removeAllContentTypeParsers();
  // Only kept: the signature is checked over these bytes before anything reads them (protocol.md §5).
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const state = findState(request);
    if (state !== undefined) state.rawBody = new Uint8Array(body as Buffer);
    done(null);
  });
  fastify.addHook('onRoute', (route) => {
    const entry = entryAt(String(route.method), route.url);
    if (entry !== undefined) route.bodyLimit = entry.bodyBytesMax;
  });
  await fastify.register(helmet, { contentSecurityPolicy: CONTENT_SECURITY_POLICY });
  fastify.addHook('onSend', async (request, reply, payload) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    try {
      reply.headers(await responseSignature(request, reply, payload, parts));
      return payload;
    } catch {
      parts.log.write({
        event: 'request-failed',
        requestId: request.id,
        route: request.routeOptions.url ?? 'unmatched',
        errorName: 'ResponseSignature',
        errorCode: 'not_signed',
      });
      const place = { requestId: request.id, origin: parts.service, nowMs: parts.clock.nowMs() };
      reply.status(500).header('content-type', PROBLEM_MEDIA_TYPE);
      return JSON.stringify(problemDocument(new Problem('internal'), place));
    }
  });
}
