import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem, problemDocument } from '@bulla/contract';
import type { ProblemCode } from '@bulla/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE } from './problem-filter.js';
import { requestIdOf } from './request-id.js';
import type { ServiceName } from '../route/route-table.js';

const CODES: ReadonlyMap<string | undefined, ProblemCode> = new Map([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'payload_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
]);

/** No answer can go where there is no encryption, or no longer one. */
const TLS_FAULT = /^ERR_(?:TLS|SSL)_/;

/** Answers a path that the router cannot read, before any hook sees the request; Fastify would quote it. */
export function answerUnroutable(
  service: ServiceName,
): (error: unknown, request: FastifyRequest, reply: FastifyReply) => void {
  return (_error, request, reply) => {
    const problem = new Problem('validation_failed', { detail: 'the path is not well-formed or too long' });
    const place = { requestId: request.id, origin: service, nowMs: Date.now() };
    reply.status(problem.status).header('content-type', PROBLEM_MEDIA_TYPE).header('cache-control', 'no-store');
    void reply.header('x-request-id', request.id).send(JSON.stringify(problemDocument(problem, place)));
  };
}

/**
 * Answers what is no HTTP and so never becomes a request: on the socket itself, which then ends.
 * @param endAfterAnswers ends a connection with the answers to its requests before, where there are such: it would take
 *   this for one of them.
 */
export function answerBrokenRequest(
  service: ServiceName,
  endAfterAnswers: (socket: Socket) => boolean,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || TLS_FAULT.test(error.code ?? '')) {
      socket.destroy();
      return;
    }
    // guard: pipelined-broken
    if (endAfterAnswers(socket)) return;
    socket.end(writtenProblem(new Problem(CODES.get(error.code) ?? 'validation_failed'), service));
  };
}

/** A whole HTTP response for what never became a request, after which the connection ends. */
export function writtenProblem(problem: Problem, service: ServiceName): string {
  const requestId = requestIdOf({ headers: {} });
  const body = JSON.stringify(problemDocument(problem, { requestId, origin: service, nowMs: Date.now() }));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'cache-control: no-store',
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
