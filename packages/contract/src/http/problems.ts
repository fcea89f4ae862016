import * as z from 'zod';
import { Timestamp } from '../ids.js';

/** Exit codes of commands, by name; the command says which number each is. */
export type ExitName =
  | 'error'
  | 'usage'
  | 'conflict'
  | 'auth'
  | 'forbidden'
  | 'notFound'
  | 'limit'
  | 'network'
  | 'notReady'
  | 'verification';

/** Classes of errors of the SDK. */
export type ErrorKind = 'auth' | 'not_found' | 'conflict' | 'limit' | 'trust' | 'upstream' | 'other';

/** What is known of a problem, in one place: a service, the SDK, the command and the docs go by it. */
interface ProblemEntry {
  /** HTTP status of a problem document with this code. */
  readonly status: number;
  /** One sentence for people who meet it the first time. */
  readonly title: string;
  /** Whether trying again later may succeed although nothing was changed. */
  readonly retryable: boolean;
  /** What a command that met it ends with. */
  readonly exit: ExitName;
  /** Which error of the SDK it is. */
  readonly kind: ErrorKind;
  /** Whether somebody changed something, where a check of the client's own found it: a VerifyError, and `verification`. */
  readonly ownFinding?: boolean;
}

/**
 * Every problem a service may answer with; docs/problems.md explains each.
 * 400: what was sent is not well-formed or does not hang together. 401: it is not established who signed it.
 * 403: the signer is known and may not. 404: it is not there, or not yours. 409: the state does not allow it.
 * 412 and 428: changes name the state they are based on.
 */
export const PROBLEMS = {
  unauthenticated: {
    status: 401,
    retryable: false,
    exit: 'auth',
    kind: 'auth',
    title: 'The request is not signed by a key that this organisation knows.',
  },
  clock_skew: {
    status: 401,
    retryable: false,
    exit: 'auth',
    kind: 'auth',
    title: 'The clock of the sender differs too much from the clock of the service.',
  },
  forbidden: { status: 403, retryable: false, exit: 'forbidden', kind: 'auth', title: 'You may not do this.' },
  not_found: {
    status: 404,
    retryable: false,
    exit: 'notFound',
    kind: 'not_found',
    title: 'There is no such thing, or you may not see it.',
  },
  label_not_found: {
    status: 404,
    retryable: false,
    exit: 'notFound',
    kind: 'not_found',
    title: 'The prompt has no such label.',
  },
  version_conflict: {
    status: 412,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'It changed since you read it.',
  },
  validation_failed: {
    status: 400,
    retryable: false,
    exit: 'usage',
    kind: 'other',
    title: 'The request does not have the right form.',
  },
  variable_missing: {
    status: 400,
    retryable: false,
    exit: 'usage',
    kind: 'other',
    title: 'The prompt needs a variable that was not given.',
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    exit: 'error',
    kind: 'other',
    title: 'The request, or a part of it, is too large.',
  },
  sealed: {
    status: 423,
    retryable: true,
    exit: 'notReady',
    kind: 'other',
    title: 'The service is locked until its root key is available.',
  },
  needs_rewrap: {
    status: 409,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'The prompt is not yet sealed to the key this responder uses now.',
  },
  trust_expired: {
    status: 403,
    retryable: false,
    exit: 'verification',
    kind: 'trust',
    title: 'A signed document of the organisation has expired and must be renewed.',
  },
  trust_rollback: {
    status: 409,
    retryable: false,
    exit: 'verification',
    kind: 'trust',
    title: 'A document is older than, or contradicts, one that was seen before.',
  },
  responder_key_changed: {
    status: 409,
    retryable: false,
    exit: 'verification',
    kind: 'trust',
    title: 'The answer is signed by a key that is not listed for this responder.',
  },
  envelope_tampered: {
    status: 400,
    retryable: false,
    exit: 'verification',
    kind: 'other',
    ownFinding: true,
    title: 'The parts of the envelope do not belong together.',
  },
  envelope_expired: {
    status: 403,
    retryable: false,
    exit: 'forbidden',
    kind: 'auth',
    ownFinding: true,
    title: 'The envelope or the question in it is past its time.',
  },
  envelope_replayed: {
    status: 409,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'The envelope has been used as often as it may be.',
  },
  envelope_revoked: {
    status: 403,
    retryable: false,
    exit: 'forbidden',
    kind: 'auth',
    title: 'The envelope was withdrawn before it was used.',
  },
  signature_invalid: {
    status: 401,
    retryable: false,
    exit: 'auth',
    kind: 'auth',
    ownFinding: true,
    title: 'A signature does not match what it stands under.',
  },
  key_unknown: {
    status: 401,
    retryable: false,
    exit: 'auth',
    kind: 'auth',
    ownFinding: true,
    title: 'Something is signed by, or sealed to, a key that this organisation does not list.',
  },
  guardrail_denied: {
    status: 403,
    retryable: false,
    exit: 'forbidden',
    kind: 'auth',
    title: 'A rule about content stopped the run.',
  },
  rate_limited: {
    status: 429,
    retryable: true,
    exit: 'limit',
    kind: 'limit',
    title: 'There were too many requests in a short time.',
  },
  budget_exceeded: {
    status: 429,
    retryable: false,
    exit: 'limit',
    kind: 'limit',
    title: 'The budget for this key is used up.',
  },
  model_not_allowed: {
    status: 403,
    retryable: false,
    exit: 'forbidden',
    kind: 'auth',
    title: 'This model may not be used here.',
  },
  upstream_auth: {
    status: 502,
    retryable: false,
    exit: 'error',
    kind: 'upstream',
    title: 'The model server refused the credentials of the responder.',
  },
  upstream_rate_limited: {
    status: 503,
    retryable: true,
    exit: 'limit',
    kind: 'upstream',
    title: 'The model server has too many requests just now.',
  },
  upstream_timeout: {
    status: 504,
    retryable: true,
    exit: 'network',
    kind: 'upstream',
    title: 'The model server did not answer in time.',
  },
  upstream_unavailable: {
    status: 502,
    retryable: true,
    exit: 'network',
    kind: 'upstream',
    title: 'The model server could not be reached, or failed.',
  },
  stream_truncated: {
    status: 502,
    retryable: false,
    exit: 'verification',
    kind: 'other',
    ownFinding: true,
    title: 'The answer ended before its signed end.',
  },
  idempotency_conflict: {
    status: 422,
    retryable: false,
    exit: 'conflict',
    kind: 'other',
    title: 'This idempotency key, or this question id, was used for another request.',
  },
  indeterminate: {
    status: 409,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'It is not known how the first try of this request ended.',
  },
  overloaded: {
    status: 503,
    retryable: true,
    exit: 'notReady',
    kind: 'other',
    title: 'The service cannot take this request just now.',
  },
  internal: {
    status: 500,
    retryable: false,
    exit: 'error',
    kind: 'other',
    title: 'The service failed. It is not your fault.',
  },
  vault_restored: {
    status: 409,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'The vault was restored from a backup: nothing moves until an admin says so.',
  },
  open_failed: {
    status: 400,
    retryable: false,
    exit: 'verification',
    kind: 'other',
    ownFinding: true,
    title: 'What was sent could not be opened.',
  },
  variable_unknown: {
    status: 400,
    retryable: false,
    exit: 'usage',
    kind: 'other',
    title: 'A variable was given that the prompt does not have.',
  },
  name_taken: {
    status: 409,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    title: 'This name or id is in use already.',
  },
  label_stale: {
    status: 412,
    retryable: false,
    exit: 'conflict',
    kind: 'conflict',
    ownFinding: true,
    title: 'The label moved since you read it.',
  },
  custody_not_allowed: {
    status: 403,
    retryable: false,
    exit: 'forbidden',
    kind: 'auth',
    title: 'The policy of the organisation keeps this name in another custody.',
  },
  key_revoked: {
    status: 401,
    retryable: false,
    exit: 'auth',
    kind: 'auth',
    ownFinding: true,
    title: 'A key was used that is revoked or past its time.',
  },
  precondition_required: {
    status: 428,
    retryable: false,
    exit: 'conflict',
    kind: 'other',
    title: 'A change must say in If-Match which state it is based on.',
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    exit: 'error',
    kind: 'other',
    title: 'The body is not of a kind that this address takes.',
  },
  method_not_allowed: {
    status: 405,
    retryable: false,
    exit: 'error',
    kind: 'other',
    title: 'This address does not know this method.',
  },
  request_timeout: {
    status: 408,
    retryable: true,
    exit: 'network',
    kind: 'other',
    title: 'The request did not arrive in time.',
  },
  headers_too_large: {
    status: 431,
    retryable: false,
    exit: 'error',
    kind: 'other',
    title: 'The headers of the request are too large.',
  },
} as const satisfies Record<string, ProblemEntry>;

export type ProblemCode = keyof typeof PROBLEMS;
const CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];
export const ProblemCode = z
  .enum(CODES)
  .meta({ description: 'The problem, from a closed list.', example: 'version_conflict' });

/** Codes that only a client gives itself, beside those of {@link PROBLEMS}; no service answers with them. */
export const CLIENT_PROBLEMS = {
  token_malformed: {
    retryable: false,
    exit: 'verification',
    kind: 'other',
    ownFinding: true,
    title: 'Something that should be a signed or sealed token is not well-formed.',
  },
  pin_mismatch: {
    retryable: false,
    exit: 'verification',
    kind: 'trust',
    title: 'The root of the organisation is not the one that was pinned.',
  },
  suite_unknown: {
    retryable: false,
    exit: 'error',
    kind: 'other',
    ownFinding: true,
    title: 'A key belongs to a suite that this program does not know.',
  },
  key_invalid: {
    retryable: false,
    exit: 'error',
    kind: 'other',
    ownFinding: true,
    title: 'A key record contradicts itself.',
  },
  log_inconsistent: {
    retryable: false,
    exit: 'verification',
    kind: 'other',
    title: 'A log does not hold what it should, or was changed after it was seen.',
  },
  transport_failed: {
    retryable: true,
    exit: 'network',
    kind: 'other',
    title: 'No answer came back that could be trusted.',
  },
} as const satisfies Record<string, Omit<ProblemEntry, 'status'>>;

export type ClientProblemCode = keyof typeof CLIENT_PROBLEMS;

/** What is known of every code, whether services answer with it or a client alone gives it itself. */
export const ALL_PROBLEMS: Readonly<Record<ProblemCode | ClientProblemCode, Omit<ProblemEntry, 'status'>>> = {
  ...PROBLEMS,
  ...CLIENT_PROBLEMS,
};

/** Who found the problem. */
export const ProblemOrigin = z
  .enum(['client', 'vault', 'responder', 'provider'])
  .meta({ description: 'Who found the problem.', example: 'vault' });
export type ProblemOrigin = z.infer<typeof ProblemOrigin>;

/** One wrong member of a request: where it is (RFC 6901, empty for the whole) and what was expected, never what stood there. */
export const ProblemError = z.strictObject({
  pointer: z.string().max(512).meta({ description: 'Where it is (RFC 6901), empty for the whole.', example: '/label' }),
  message: z
    .string()
    .min(1)
    .max(512)
    .meta({ description: 'What was expected, never what stood there.', example: 'must have either version or label' }),
});
export type ProblemError = z.infer<typeof ProblemError>;

/** Problem document, `application/problem+json` (RFC 9457). */
export const ProblemDocument = z
  .strictObject({
    type: z
      .string()
      .max(128)
      .regex(/^urn:bulla:problem:[a-z_]+$/)
      .meta({ description: 'The code as a URN.', example: 'urn:bulla:problem:version_conflict' }),
    title: z
      .string()
      .min(1)
      .max(256)
      .meta({ description: 'One sentence about the code.', example: PROBLEMS.version_conflict.title }),
    status: z.int().min(400).max(599).meta({ description: 'The HTTP status.', example: 412 }),
    detail: z
      .string()
      .max(1_024)
      .meta({ description: 'A sentence about this time.', example: 'the newest version is 4' })
      .optional(),
    code: ProblemCode,
    request_id: z.string().min(1).max(128).meta({
      description: 'By this the service finds the request in its log.',
      example: 'req_01k9z3q8e4fxq9m3y7t5w6v8na',
    }),
    origin: ProblemOrigin,
    retryable: z.boolean().meta({
      description: 'Whether trying again later may succeed although nothing was changed.',
      example: false,
    }),
    errors: z.array(ProblemError).max(100).describe('What is wrong with the request, one for each member.').optional(),
    time: Timestamp.describe('The clock of the service; with clock_skew.').optional(),
  })
  .meta({ id: 'Problem' });
export type ProblemDocument = z.infer<typeof ProblemDocument>;

export interface ProblemOptions {
  /** A sentence about this occurrence, without a value from the request. */
  readonly detail?: string | undefined;
  readonly errors?: readonly ProblemError[] | undefined;
  /** When the same request may be sent again; makes any problem retryable. */
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** What a service throws to answer with a problem document; everything else thrown is `internal`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly errors: readonly ProblemError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code].title, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  get retryable(): boolean {
    return PROBLEMS[this.code].retryable || this.retryAfterSeconds !== undefined;
  }
}

/** Where a problem happened, as its document says it. */
export interface ProblemPlace {
  readonly requestId: string;
  readonly origin: ProblemOrigin;
  /** The clock of the service, sent with `clock_skew` only: a human mends the clock, no client learns an offset. */
  readonly nowMs: number;
}

/** The document that answers a problem; its members stand in the order of RFC 9457, then ours. */
export function problemDocument(problem: Problem, place: ProblemPlace): ProblemDocument {
  const { code, status, retryable } = problem;
  return {
    type: `urn:bulla:problem:${code}`,
    title: PROBLEMS[code].title,
    status,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    code,
    request_id: place.requestId,
    origin: place.origin,
    retryable,
    ...(problem.errors === undefined ? {} : { errors: [...problem.errors] }),
    ...(code === 'clock_skew' ? { time: new Date(place.nowMs).toISOString() } : {}),
  };
}
