import { StreamableFile } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import type * as z from 'zod';
import { Answer } from './answer.js';
import { writeSharing } from './shared-members.js';
import { findState } from '../edge/request-state.js';
import type { RouteEntry } from './route-table.js';

/**
 * The way out of every route: what its handler returned is checked by the schema of the route, written and sent. Not by an
 * interceptor, for which the framework makes a chain of observables of each request.
 */
export class RouteAdapter extends FastifyAdapter {
  /** @throws {ZodError} if the answer is none that the contract names */
  override reply(reply: FastifyReply, result: unknown, status?: number): ReturnType<FastifyAdapter['reply']> {
    const entry = findState(reply.request)?.entry;
    // A stream authenticates itself, piece by piece.
    if (entry === undefined || result instanceof StreamableFile) return super.reply(reply, result, status);
    return super.reply(reply, write(entry, reply, result), status);
  }
}

/** Sets status and headers; returns the body for the framework to send. */
function write(entry: RouteEntry, reply: FastifyReply, result: unknown): unknown {
  const answer = result instanceof Answer ? result : new Answer(result);
  if (answer.status !== undefined) reply.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value);
  if (answer.replayed) reply.header('idempotent-replayed', '?1');
  if (answer.etag !== undefined) {
    reply.header('etag', answer.etag);
    const { method, headers } = reply.request;
    if (method === 'GET' && matches(headers['if-none-match'], answer.etag)) {
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
function textOf(schema: z.ZodType, { body, text: made, unchanging, parts }: Answer<unknown>): string {
  if (parts !== undefined) return writeSharing(schema, parts);
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
