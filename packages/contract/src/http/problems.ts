import * as z from 'zod';
import { Timestamp } from '../ids.js';
import type { ProblemCode as Code } from './problem-record.js';
import { PROBLEMS } from './problem-record.js';

const CODES = Object.keys(PROBLEMS) as [Code, ...Code[]];
export const ProblemCode = z
  .enum(CODES)
  .meta({ description: 'The problem, from a closed list.', example: 'version_conflict' });

export type ProblemCode = Code;

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
