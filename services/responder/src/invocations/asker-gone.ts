import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RunStopped } from './answer-end.js';

/** Aborts when the asker hangs up before the answer is out: `@AskerGone() gone: AbortSignal`. */
export const AskerGone = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal => {
  const { raw } = context.switchToHttp().getResponse<FastifyReply>();
  const gone = new AbortController();
  const hangUp = (): void => {
    if (!raw.writableFinished) gone.abort(new RunStopped('asker-gone'));
  };
  if (raw.destroyed) hangUp();
  else raw.once('close', hangUp);
  return gone.signal;
});
