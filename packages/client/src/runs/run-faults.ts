import { PROBLEMS, ProblemCode } from '@bulla/contract';
import type { ReplyError } from '@bulla/crypto';
import type { BullaError } from '../connection/errors.js';
import { bullaError } from '../connection/errors.js';
import { upstreamWords } from '../connection/upstream-words.js';

/** What the responder says inside a sealed answer that could not be given. */
export function sealedProblem({ code: said, ...fault }: ReplyError = { code: 'internal' }): BullaError {
  const { data: code = 'internal' } = ProblemCode.safeParse(said);
  const { title, status, retryable } = PROBLEMS[code];
  const words = upstreamWords(fault);
  return bullaError(code, {
    message: words ?? title,
    details: words === undefined ? { kind: 'unsaid' } : undefined,
    status,
    retryable,
    upstream: fault.cause === undefined ? undefined : fault,
    origin: code.startsWith('upstream_') ? 'provider' : 'responder',
  });
}

/** What came is not a whole answer. */
export function truncated(cause?: unknown): BullaError {
  return bullaError('stream_truncated', {
    message: 'the answer ended before its signed end; what came is not a whole answer',
    check: 'reply-final',
    origin: 'client',
    cause,
  });
}
