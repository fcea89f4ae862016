import { Problem, problemDocument } from '@bulla/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import type { IncomingMessage, ServerOptions } from 'node:http';
import { overload } from './admission.js';
import type { BodyBudget } from './body-budget.js';
import { answerBrokenRequest, answerUnroutable } from './broken-request.js';
import type { Clock } from '../process/clock.js';
import type { EdgeOptions } from './edge-options.js';
import type { EventLog } from '../observe/event-log.js';
import type { Gate } from './gate.js';
import type { Limits } from '../limits/limits.js';
import type { Metrics } from '../observe/metrics.js';
import { bodyBytesMaxOf } from './large-bodies.js';
import { PROBLEM_MEDIA_TYPE, REQUEST_FAILED } from './problem-filter.js';
import { overloaded } from './problem-of.js';
import { readBody } from './read-body.js';
import { requestIdOf } from './request-id.js';
import { stateOf } from './request-state.js';
import { responseSignature, responseToSign } from '../authentication/response-signature.js';
import { entryAt } from '../route/route-table.js';
import type { ServiceName } from '../route/route-table.js';
import { SECURITY_HEADERS } from './security-headers.js';
import type { TrustSource } from '../authentication/trust-source.js';
import type { ServiceKeys } from '../authentication/service-keys.js';
import { TokenFault } from '../token/token-fault.js';

/** The adapter's options. */
export function fastifyOptions(
  service: ServiceName,
  limits: Limits,
  gate: Gate,
  { trustedProxies = [] }: Pick<EdgeOptions, 'trustedProxies'>,
): FastifyServerOptions {
  const server: ServerOptions = {
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    headersTimeout: limits.headersTimeoutMs,
    maxHeaderSize: limits.headerBytesMax,
    // Node would answer in words of its own; admission refuses it.
    requireHostHeader: false,
    // How often the time-outs are looked at; half a minute unless given.
    connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs),
  };
  return {
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    genReqId: (request) => requestIdOf(request),
    clientErrorHandler: answerBrokenRequest(service, (socket) => gate.endAfterAnswers(socket)),
    frameworkErrors: answerUnroutable(service),
    serverFactory: (framework) => gate.serverFor(server, framework),
    // Requests are read by the schemas of the contract (route-input.ts). Without these Fastify loads a compiler of its own.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
  };
}

/** @throws {Error} always: no route gives Fastify a schema */
function noCompiler(): never {
  throw new Error('a route has a schema for Fastify: it belongs into the contract');
}

export interface FastifyParts {
  readonly service: ServiceName;
  readonly keys: ServiceKeys;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly metrics: Metrics;
  readonly bodies: BodyBudget;
  readonly source: Pick<TrustSource, 'held'>;
  readonly connectionsMax: number;
}

/** Raw bodies, bounds of each route, security headers, signed responses. */
export async function prepareFastify(fastify: FastifyInstance, parts: FastifyParts): Promise<void> {
  fastify.server.maxConnections = parts.connectionsMax;
  fastify.removeAllContentTypeParsers();
  // Only kept: the signature is checked over these bytes before anything reads them (protocol.md §5).
  fastify.addContentTypeParser('application/json', (request: FastifyRequest, payload: IncomingMessage, done) => {
    const state = stateOf(request);
    const take = (bytes: number) => {
      if (!parts.bodies.tryTake(bytes)) return overload('bodies', parts);
      state.bodyBytes += bytes;
      return undefined;
    };
    const bytesMax = bodyBytesMaxOf(request, parts.source);
    const isLarge = bytesMax > state.found.bodyBytesMax;
    // guard: large-body-first without: const refused = undefined;
    const refused = isLarge ? take(Math.min(Number(request.headers['content-length']), bytesMax)) : undefined;
    if (refused !== undefined) return done(refused);
    readBody(payload, bytesMax, {
      refuse: isLarge ? () => undefined : take,
      onCut: () => parts.metrics.bodiesCut.inc(),
      onEnd: (body) => {
        if (body instanceof Problem) return done(body);
        state.rawBody = body;
        done(null);
      },
    });
  });
  fastify.addHook('onRoute', (route) => {
    const entry = entryAt(String(route.method), route.url);
    if (entry !== undefined) route.bodyLimit = entry.bodyBytesMax;
  });
  fastify.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    const toSign = responseToSign(request, reply, payload);
    if (toSign === undefined) return done(null, payload);
    return responseSignature(toSign, parts).then(
      (fields) => {
        reply.headers(fields);
        return payload;
      },
      (error: unknown) => unsigned(error, request, reply, parts),
    );
  });
}

/** What is said instead of an answer that could not be signed. */
function unsigned(error: unknown, request: FastifyRequest, reply: FastifyReply, parts: FastifyParts): string {
  const isAway = error instanceof TokenFault;
  parts.log.write(REQUEST_FAILED, {
    requestId: request.id,
    route: request.routeOptions.url ?? 'unmatched',
    errorName: 'ResponseSignature',
    errorCode: isAway ? error.code : 'not_signed',
  });
  const place = { requestId: request.id, origin: parts.service, nowMs: parts.clock.nowMs() };
  const problem = isAway ? overloaded() : new Problem('internal');
  reply.status(problem.status).header('content-type', PROBLEM_MEDIA_TYPE);
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  return JSON.stringify(problemDocument(problem, place));
}
