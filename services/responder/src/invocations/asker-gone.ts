import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RunStopped } from './answer-end.js';

/** The same for every request: each ends with it, and an error takes a while to make. */
const GONE = Object.freeze(new RunStopped('asker-gone'));

/**
 * Aborts when nobody is left to answer: the asker hung up, or the response is out, whatever it was. What works for a
 * request ends with it: `@AskerGone() gone: AbortSignal`.
 */
export const AskerGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal => {
  const { raw } = context.switchToHttp().getResponse<FastifyReply>();
  const gone = new AbortController();
  const end = (): void => gone.abort(GONE);
  if (raw.destroyed) end();
  else raw.once('close', end);
  return gone.signal;
});
