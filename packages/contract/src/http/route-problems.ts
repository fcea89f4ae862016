import { PROBLEMS } from './problem-record.js';
import type { ProblemCode } from './problem-record.js';
import type { Route } from './route.js';

/** Problems of the edge, which any request can have, whatever it is for. */
export const EDGE_PROBLEMS = [
  'rate_limited',
  'overloaded',
  'request_timeout',
  'headers_too_large',
  'internal',
] as const satisfies readonly ProblemCode[];

const OF_ALL: readonly ProblemCode[] = ['validation_failed', 'unsupported_media_type'];
const OF_SIGNED: readonly ProblemCode[] = ['unauthenticated', 'signature_invalid', 'clock_skew'];
const OF_LISTED: readonly ProblemCode[] = ['key_unknown', 'key_revoked', 'forbidden'];
const OF_BODIES: readonly ProblemCode[] = ['payload_too_large'];
const OF_IDEMPOTENT: readonly ProblemCode[] = ['idempotency_conflict', 'indeterminate'];
const OF_CONDITIONAL: readonly ProblemCode[] = ['precondition_required'];

/**
 * Every problem that a request of a route can be answered with, those of the edge aside: what all routes of its sort can
 * have, and its own; in the order of {@link PROBLEMS}.
 */
export function problemsOf(route: Route): ProblemCode[] {
  const { permission, credential, judgedBy, body, headers, problems = [] } = route;
  const isListed = permission !== undefined;
  const takes = (header: string) => headers?.shape[header] !== undefined;
  const codes = new Set([
    ...OF_ALL,
    ...(isListed || credential === 'enrolment' ? OF_SIGNED : []),
    ...(isListed ? OF_LISTED : []),
    ...(isListed && judgedBy !== 'expired' ? (['trust_expired'] as const) : []),
    ...(body === undefined ? [] : OF_BODIES),
    ...(takes('idempotency-key') ? OF_IDEMPOTENT : []),
    ...(takes('if-match') ? OF_CONDITIONAL : []),
    ...problems,
  ]);
  return (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => codes.has(code));
}
