import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map } from 'rxjs';
import type { Observable } from 'rxjs';
import type * as z from 'zod';
import { Answer } from './answer.js';
import { stateOf } from '../edge/request-state.js';
import { readInput } from './route-input.js';
import { entryOfHandler } from './route.js';
import type { RouteEntry } from './route-table.js';

/** Both ends of every route: what comes in is checked by its schemas, and so is what goes out. */
export class RouteInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const entry = entryOfHandler(context.getHandler());
    const state = stateOf(request);
    state.input = readInput(entry, request, state);
    return next.handle().pipe(
      map((result: unknown) => {
        // A stream lasts for minutes, and what it was asked with would be kept all that time.
        delete state.rawBody;
        delete state.input;
        return write(entry, request, http.getResponse<FastifyReply>(), result);
      }),
    );
  }
}

/** Sets status and headers; returns the body for the framework to send. */
function write(entry: RouteEntry, request: FastifyRequest, reply: FastifyReply, result: unknown): unknown {
  // A stream authenticates itself, piece by piece.
  if (result instanceof Response) return result;
  const answer = result instanceof Answer ? result : new Answer(result);
  if (answer.status !== undefined) reply.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value);
  if (answer.replayed) reply.header('idempotent-replayed', '?1');
  if (answer.etag !== undefined) {
    reply.header('etag', answer.etag);
    if (request.method === 'GET' && matches(request.headers['if-none-match'], answer.etag)) {
      reply.status(304);
      return undefined;
    }
  }
  if (entry.response === undefined) return undefined;
  reply.header('content-type', `${entry.contentType}; charset=utf-8`);
  return textOf(entry.response, answer);
}

/** Bodies that never change, as they are sent. */
const written = new WeakMap<object, string>();

/** What the contract does not name never leaves; a body that breaks it is a fault of ours and throws. */
function textOf(schema: z.ZodType, { body, text: made, unchanging }: Answer<unknown>): string {
  if (made !== undefined) {
    schema.parse(body);
    return made;
  }
  const isKept = unchanging && typeof body === 'object' && body !== null;
  // guard: response-shape without: const text = (isKept ? written.get(body) : undefined) ?? JSON.stringify(body);
  const text = (isKept ? written.get(body) : undefined) ?? JSON.stringify(schema.parse(body));
  if (isKept) written.set(body, text);
  return text;
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
