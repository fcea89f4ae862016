import { Problem } from '@bulla/contract';
import { strictParseBody } from '@bulla/crypto';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import type { RouteInput, RequestState } from '../edge/request-state.js';
import { stateOf } from '../edge/request-state.js';
import type { RouteEntry } from './route-table.js';

/** Faults named in one answer; a body may have thousands. */
const ERRORS_MAX = 20;
/** Values of one body: no route takes a fifth of them. */
const BODY_VALUES_MAX = 1_000;
const NOTHING = z.strictObject({});

/** The way into every route, behind the guard of credentials: it reads what came, and lets through what can be read. */
export class InputGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const state = stateOf(request);
    if (state.entry === undefined) throw new Error('nobody has judged the request');
    state.input = readInput(state.entry, request, state);
    // A stream lasts for minutes, and what it was asked with would be kept all that time.
    delete state.rawBody;
    return true;
  }
}

/**
 * Reads path, query and body by the schemas of the route; where it has none, there must be nothing.
 * @throws {Problem} validation_failed, payload_too_large; it names the field as a JSON pointer and never the value
 */
function readInput(entry: RouteEntry, request: FastifyRequest, state: RequestState): RouteInput {
  return {
    params: check(entry.params ?? NOTHING, request.params, 'path'),
    query: check(entry.query ?? NOTHING, { ...(request.query as object) }, 'query'),
    headers: entry.headers === undefined ? {} : checkHeaders(entry.headers, request),
    body: bodyBySchema(entry, state),
  };
}

/**
 * The body by its schema; undefined for a route without one.
 * @throws {Problem} validation_failed, payload_too_large
 */
export function bodyBySchema(entry: RouteEntry, state: RequestState): unknown {
  return entry.body === undefined ? undefined : check(entry.body, parseBody(state, entry), 'body');
}

/**
 * Parsed only here: the signature was checked over the raw bytes before (protocol.md §5), unless the documents in it say by
 * which key (authentication/carried-callers.ts).
 */
function parseBody(state: RequestState, entry: RouteEntry): unknown {
  // guard: body-strict without: return JSON.parse(Buffer.from(state.rawBody ?? []).toString());
  return strictParseBody(state.rawBody ?? new Uint8Array(), {
    maxBytes: entry.chatBodyBytesMax ?? entry.bodyBytesMax,
    maxValues: BODY_VALUES_MAX,
  });
}

/** Only the headers that the route names are read: the others mean nothing here. */
function checkHeaders(schema: z.ZodObject, request: FastifyRequest): unknown {
  const named = Object.keys(schema.shape).map((name) => [name, request.headers[name]]);
  const headers: Record<string, unknown> = Object.fromEntries(named.filter(([, value]) => value !== undefined));
  // guard: route-condition
  if ('if-match' in schema.shape && headers['if-match'] === undefined) throw new Problem('precondition_required');
  return check(schema, headers, 'header');
}

function check(schema: z.ZodType, value: unknown, part: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, ERRORS_MAX).map((issue) => ({
    pointer: pointerOf(issue.path),
    message: messageOf(issue),
  }));
  throw new Problem('validation_failed', { detail: `the ${part} is not as the route wants it`, errors });
}

/** RFC 6901 pointer to the field. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** zod's messages say what is expected; the one that quotes what came is replaced. */
function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? 'has members that are not known' : issue.message;
}
