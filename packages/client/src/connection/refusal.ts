import { PROBLEMS, ProblemDocument } from '@bulla/contract';
import type { Bytes } from '@bulla/crypto';
import { strictParseBody } from '@bulla/crypto';
import type { BullaError, SignedAnswer } from './errors.js';
import { fromProblem, transportFailed } from './errors.js';

/** Longest problem document that is read. */
export const PROBLEM_MAX_BYTES = 64 * 1024;

/**
 * What a refusal says. A signed one is the service's word. One that nobody signed may be anybody's, so it counts as a
 * fault on the way (protocol.md §5): services do not sign answers to requests whose signature they could not verify, so
 * its code is told as a hint, in our own words.
 */
export function refusalOf(response: Response, body: Bytes, signed: SignedAnswer | undefined): BullaError {
  const problem = problemIn(body);
  const { status } = response;
  if (problem === undefined)
    return transportFailed(`something that is no Bulla service answered ${status}`, { status });
  const retryAfterSeconds = retryAfterOf(response);
  // guard: client-refusal-signed without: return fromProblem(problem, retryAfterSeconds);
  if (signed !== undefined) return fromProblem(problem, retryAfterSeconds, signed);
  const { code, request_id: requestId, retryable } = problem;
  return transportFailed(`the answer is not signed; it says: ${PROBLEMS[code].title} (${code})`, {
    status,
    requestId,
    retryable,
    retryAfterSeconds,
    details: { kind: 'unsigned', code },
  });
}

function problemIn(body: Bytes): ProblemDocument | undefined {
  try {
    return ProblemDocument.parse(strictParseBody(body, { maxBytes: PROBLEM_MAX_BYTES }));
  } catch {
    // Something between us and the service answered.
    return undefined;
  }
}

/** Seconds in `retry-after` (RFC 9110 §10.2.3); our services never send a date. */
function retryAfterOf(response: Response): number | undefined {
  const value = response.headers.get('retry-after');
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
