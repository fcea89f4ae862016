import { Problem, problemDocument } from '@bulla/contract';
import type { ProblemOrigin } from '@bulla/contract';
import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../process/clock.js';
import { databaseFault } from '../database/database-fault.js';
import type { EventLog } from '../observe/event-log.js';
import { LogEvent } from '../observe/event-log.js';
import type { FailingAddresses } from '../limits/failing-addresses.js';
import type { Ledger } from '../audit/ledger.js';
import type { Metrics } from '../observe/metrics.js';
import { isOurFault, overloaded, problemOf } from './problem-of.js';
import type { RefusalCounter } from '../audit/refusal-counter.js';
import { targetOf } from './request-parts.js';
import { findState } from './request-state.js';
import { judgesCaller, methodsAt } from '../route/route-table.js';
import type { ServiceName } from '../route/route-table.js';

type Failure = { requestId: string; route: string; errorName: string; errorCode: string };
export const REQUEST_FAILED = new LogEvent<Failure & { constraint?: string }>('request-failed', 'error');
const RESPONSE_CUT = new LogEvent<Failure>('response-cut', 'warn');

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';
/** After these the rest of the request may still be on its way; nobody reads it. */
const CLOSING: ReadonlySet<string> = new Set(['payload_too_large', 'request_timeout', 'headers_too_large']);

export interface ProblemFilterParts {
  readonly service: ServiceName & ProblemOrigin;
  readonly ledger: Ledger;
  readonly refusals: RefusalCounter;
  readonly metrics: Metrics;
  readonly failing: FailingAddresses;
  readonly log: EventLog;
  readonly clock: Clock;
}

/** Answers everything that is thrown with a problem document, and writes down who was refused. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #parts: ProblemFilterParts;

  constructor(parts: ProblemFilterParts) {
    this.#parts = parts;
  }

  /** Never rejects: the framework does not look at what becomes of it. */
  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (reply.sent || reply.raw.headersSent) {
      this.#log(RESPONSE_CUT, error, request);
      reply.raw.destroy();
      return;
    }
    this.#send(await this.#writeDown(this.#understand(error, request), request), request, reply);
  }

  #understand(error: unknown, request: FastifyRequest): Problem {
    const problem = problemOf(error);
    const source = error instanceof Problem ? error.cause : error;
    // A problem that somebody threw on purpose, such as too many requests, is not logged unless something caused it.
    if (isOurFault(problem) && source !== undefined) this.#log(REQUEST_FAILED, source, request);
    const isWrongMethod = request.is404 && this.#allowed(request).length > 0;
    return isWrongMethod ? new Problem('method_not_allowed') : problem;
  }

  /** Fail closed: a refusal that cannot be written down is answered as trouble of ours, to be tried again. */
  async #writeDown(problem: Problem, request: FastifyRequest): Promise<Problem> {
    const { ledger, refusals, metrics, failing } = this.#parts;
    const { caller, signatory } = findState(request) ?? {};
    if (signatory?.decision.isRecorded === true) return problem;
    if (caller === undefined) {
      if (isOurFault(problem) || !judgesCaller(request.routeOptions)) return problem;
      // Of somebody who floods it is known who they are: that has a metric of its own.
      // Anybody can make a key and sign: until it is let in, it is as good as a signature that fails.
      if (findState(request)?.entry?.credential === 'enrolment') await failing.count(request.ip);
      if (problem.code !== 'rate_limited') metrics.verifyFailures.inc({ reason: problem.code });
      refusals.count(problem.code);
      return problem;
    }
    if (caller.decision.isRecorded) return problem;
    try {
      await ledger.refuse(caller, problem);
      return problem;
    } catch (error) {
      // A log that is lost takes no row of it.
      if (error instanceof Problem) return error;
      this.#log(REQUEST_FAILED, error, request);
      return overloaded();
    }
  }

  #send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
    const { service: origin, clock } = this.#parts;
    const place = { requestId: request.id, origin, nowMs: clock.nowMs() };
    reply.status(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).header('cache-control', 'no-store');
    if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
    reply.headers(findState(request)?.limited?.fields ?? {});
    if (problem.status === 401) reply.header('www-authenticate', 'Signature');
    if (problem.code === 'method_not_allowed') reply.header('allow', this.#allowed(request).join(', '));
    if (CLOSING.has(problem.code)) reply.header('connection', 'close');
    void reply.send(JSON.stringify(problemDocument(problem, place)));
  }

  #allowed(request: FastifyRequest): string[] {
    return methodsAt(this.#parts.service, targetOf(request).path);
  }

  #log(event: typeof REQUEST_FAILED | typeof RESPONSE_CUT, error: unknown, request: FastifyRequest): void {
    const fault = databaseFault(error);
    this.#parts.log.write(event, {
      requestId: request.id,
      route: request.routeOptions?.url ?? 'unmatched',
      errorName: nameOf(error),
      errorCode: fault?.code ?? codeOf(error),
      ...(event === REQUEST_FAILED && fault?.constraint !== undefined ? { constraint: fault.constraint } : {}),
    });
  }
}

/** The class of an error: a word of code, unlike its message. */
function nameOf(error: unknown): string {
  const name: unknown = typeof error === 'object' && error !== null ? error.constructor.name : typeof error;
  return typeof name === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name) ? name : 'unnamed';
}

function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(code) ? code : 'none';
}
