import { Problem, PROBLEMS } from '@bulla/contract';
import type { ProblemCode } from '@bulla/contract';
import { CryptoError } from '@bulla/crypto';
import { TokenFault } from '../token/token-fault.js';
import { databaseFault, isPassing } from '../database/database-fault.js';

const RETRY_AFTER_SECONDS = 1;
/** PostgreSQL's name for the check of what may wait to come into the audit log (log-migration.ts). */
const LEAF_TOO_LONG = 'audit_outbox_leaf_check';
const OF_LEAF = 'what the audit log would have to tell of this is longer than one of its entries may be';

/** What Node, Fastify and Nest say by status; everything else of theirs is a request that does not parse. */
const BY_STATUS: Readonly<Record<number, ProblemCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
  503: 'overloaded',
};

/** The problem that stands for any error; an unexpected error is `internal`, without a word of its message. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof CryptoError) return ofCryptoError(error);
  // The key of a service is away, and may come back.
  // guard: token-away
  if (error instanceof TokenFault) return overloaded(error);
  const fault = databaseFault(error);
  if (fault !== undefined) return isPassing(fault) ? overloaded() : new Problem('internal');
  return ofStatus(statusOf(error));
}

/** The answer to a request that may succeed a moment later. @param cause for the log, which takes its class only. */
export function overloaded(cause?: unknown): Problem {
  return new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
}

/**
 * Why an effect and its audit row were not written: nothing was, or nobody knows that it was. What comes again later may
 * be, unless the log can never tell it.
 */
export function notWritten(error: unknown): Problem {
  // guard: leaf-too-long
  if (databaseFault(error)?.constraint === LEAF_TOO_LONG) return new Problem('payload_too_large', { detail: OF_LEAF });
  return overloaded(error);
}

/** Whether nothing is known against the request itself: the fault is ours, or it passes. */
export function isOurFault(problem: Problem): boolean {
  return problem.code === 'internal' || problem.code === 'overloaded';
}

function ofCryptoError(error: CryptoError): Problem {
  const known = Object.hasOwn(PROBLEMS, error.code) ? (error.code as ProblemCode) : 'validation_failed';
  // After a private key was used the code is all there is to know (protocol.md §2.1).
  // guard: cause-of-errors
  if (known === 'open_failed') return new Problem(known);
  return new Problem(known, { detail: error.message });
}

function ofStatus(status: number | undefined): Problem {
  if (status === undefined) return new Problem('internal');
  const code = BY_STATUS[status];
  if (code !== undefined) return code === 'overloaded' ? overloaded() : new Problem(code);
  return new Problem(status >= 400 && status < 500 ? 'validation_failed' : 'internal');
}

/** Nest keeps the status in a method, Fastify and Node's errors in a member. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { getStatus, statusCode } = error as { getStatus?: unknown; statusCode?: unknown };
  const status: unknown = typeof getStatus === 'function' ? Reflect.apply(getStatus, error, []) : statusCode;
  return typeof status === 'number' ? status : undefined;
}
