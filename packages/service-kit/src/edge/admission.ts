import { Problem } from '@bulla/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { BodyBudget } from './body-budget.js';
import type { Clock } from '../process/clock.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import { isFree } from './gate.js';
import type { Readiness } from '../observe/health.js';
import type { Metrics } from '../observe/metrics.js';
import type { NoPlace, Places, Standing } from './places.js';
import { overloaded } from './problem-of.js';
import { beginState, findState, stateOf } from './request-state.js';
import type { RequestState } from './request-state.js';
import { CREDENTIAL_HEADERS } from '../route/route-table.js';
import type { SecureConnections } from './secure-connections.js';
import type { SlowReaders } from './slow-readers.js';

const REQUEST_FINISHED = new LogEvent<{
  requestId: string;
  route: string;
  method: string;
  status: number;
  durationMs: number;
}>('request-finished', 'info');

const HEADERS_MAX = 64;
/** Less than this the kernel takes at once. */
const LARGE_BYTES = 16_384;
const BODYLESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);

export interface AdmissionParts {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly places: Places;
  readonly slowReaders: SlowReaders;
  /** Bytes of bodies that are here; beyond, 503. */
  readonly bodies: BodyBudget;
  readonly secureConnections: SecureConnections;
}

/** How many requests are at work: what a drain waits for, and what work that can wait steps back for. */
export class InFlight {
  #count = 0;
  #begun = 0;
  #idle: (() => void) | undefined;

  get count(): number {
    return this.#count;
  }

  /** How many have begun since the start. */
  get begun(): number {
    return this.#begun;
  }

  begin(): void {
    this.#begun++;
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) this.#idle?.();
  }

  /** Resolves when nothing is at work, or after this long. */
  async whenIdle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#idle = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** Hooks around every request: its id, its bounds, its line in the log and its number in the metrics. */
export function admit(fastify: FastifyInstance, inFlight: InFlight, parts: AdmissionParts): void {
  // Plain functions: most requests wait for nobody here, and a promise costs each of them.
  fastify.addHook('onRequest', (request, reply, done) => {
    const state = beginState(request, {
      arrivedAt: parts.clock.now(),
      startedMs: parts.clock.monotonicMs(),
      isSecure: () => parts.secureConnections.isSecure(request.raw),
    });
    inFlight.begin();
    state.answer = parts.slowReaders.watch(reply.raw);
    // A response that nobody waits for any more never finishes, but it always closes.
    reply.raw.once('close', () => {
      state.isOver = true;
      state.place?.release();
      parts.bodies.giveBack(state.bodyBytes);
      inFlight.end();
      parts.metrics.requestsActive.dec();
      report(request, reply, state, parts);
    });
    parts.metrics.requestsActive.inc();
    reply.header('x-request-id', request.id);
    if (parts.readiness.draining) reply.header('connection', 'close');
    checkHeader(request);
    checkCredential(request, state);
    requireRoom(request, state, parts);
    // guard: request-dawdlers without: requirePlace(request, parts, done);
    if (bringsBody(request)) done();
    else requirePlace(request, parts, done);
  });
  // A body comes as slowly as its sender likes, who may be anybody: it takes no place until all of it is here.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (bringsBody(request)) requirePlace(request, parts, done);
    else done();
  });
  // Its reader takes the answer as slowly as it likes, too. A stream is still being made.
  fastify.addHook('onSend', (request, _reply, payload, done) => {
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return done(null, payload);
    const state = findState(request);
    state?.place?.rest();
    const bytes = Buffer.byteLength(payload);
    state?.answer?.send(bytes, state.caller !== undefined);
    // Of a string that waits for its reader Node keeps two copies.
    return done(null, typeof payload === 'string' && bytes > LARGE_BYTES ? Buffer.from(payload) : payload);
  });
}

/** @param done told when the request has its place, or why it gets none. */
function requirePlace(request: FastifyRequest, parts: AdmissionParts, done: HookHandlerDoneFunction): void {
  if (isFree(request.url)) return done();
  const state = stateOf(request);
  const place = parts.places.ask(standingOf(state));
  state.place = place;
  // A client that hung up meanwhile gets no answer, and gives back nothing later.
  if (state.isOver) place.release();
  const answer = (refused: NoPlace | undefined) => done(refused === undefined ? undefined : overload(refused, parts));
  if (place.granted instanceof Promise) void place.granted.then(answer);
  else answer(place.granted);
}

/** The signature of a signed route is there, or it would have been refused: it is worth nothing until it is verified. */
function standingOf({ found }: RequestState): Standing {
  return found.entry?.permission === undefined ? 'stranger' : 'claimed';
}

/** Refuses one to protect the others. */
export function overload(why: NoPlace | 'bodies', { metrics }: { readonly metrics: Metrics }): Problem {
  metrics.overloads.inc({ why });
  return overloaded();
}

function bringsBody({ method }: FastifyRequest): boolean {
  return !BODYLESS.has(method);
}

/** Everything that can be refused before a byte of the body is read. */
function checkHeader(request: FastifyRequest): void {
  // guard: request-headers
  if (request.raw.rawHeaders.length > 2 * HEADERS_MAX) throw new Problem('headers_too_large');
  const { headers } = request;
  if (headers.host === undefined && request.raw.httpVersion !== '1.0') {
    throw new Problem('validation_failed', { detail: 'there is no Host' });
  }
  // Node keeps the first. A proxy before the service may have kept another.
  // guard: request-host-once
  if (countOf(request.raw.rawHeaders, 'host') > 1) {
    throw new Problem('validation_failed', { detail: 'there is more than one Host' });
  }
  // guard: request-encoding
  if (headers['content-encoding'] !== undefined) {
    throw new Problem('unsupported_media_type', { detail: 'Content-Encoding is not allowed' });
  }
  if (bringsBody(request)) return;
  // guard: request-bodyless
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') {
    throw new Problem('validation_failed', { detail: 'GET, HEAD and DELETE have no body' });
  }
}

/** How often a field is there among names, each with its value after it. */
function countOf(rawHeaders: readonly string[], field: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === field.length && name.toLowerCase() === field) count++;
  }
  return count;
}

/** Who brings nothing to be known by need not be read; what it is worth is judged when all of it is here. */
function checkCredential({ headers }: FastifyRequest, { found }: RequestState): void {
  const credential = found.entry?.credential;
  // guard: request-credential
  if (credential !== undefined && headers[CREDENTIAL_HEADERS[credential]] === undefined)
    throw new Problem('unauthenticated');
}

/**
 * Refuses a body that would not fit now, by what it says it will be, or all that the route takes where it does not say.
 * Nothing is set aside for words: that happens as its bytes come.
 */
function requireRoom({ headers }: FastifyRequest, { found }: RequestState, parts: AdmissionParts): void {
  const announced = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
  // The router refuses more than the route takes without reading it.
  const bytes = Math.min(announced, found.bodyBytesMax);
  // guard: request-bodies
  if (!parts.bodies.hasRoom(bytes)) throw overload('bodies', parts);
}

function report(
  request: FastifyRequest,
  reply: FastifyReply,
  { found, startedMs }: RequestState,
  { clock, log, metrics }: AdmissionParts,
): void {
  const route = found.url ?? 'unmatched';
  const { method } = request;
  const durationMs = Math.round(clock.monotonicMs() - startedMs);
  metrics.requests.inc({ route, method, code: reply.statusCode });
  metrics.requestSeconds.observe({ route, method }, durationMs / 1000);
  // Balancers ask for health all the time; the metrics have it.
  if (isFree(request.url)) return;
  log.write(REQUEST_FINISHED, { requestId: request.id, route, method, status: reply.statusCode, durationMs });
}
