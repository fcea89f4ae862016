import type { ClientProblemCode, ProblemCode, ProblemDocument, ProblemError, ProblemOrigin } from '@bulla/contract';
import { CLIENT_PROBLEMS } from '@bulla/contract';
import type { CryptoErrorCode } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import type { UpstreamFault } from './upstream-words.js';

export type BullaErrorCode = ProblemCode | ClientProblemCode | CryptoErrorCode;

export interface BullaErrorDetails {
  readonly message: string;
  readonly origin: ProblemOrigin;
  readonly retryable?: boolean;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  /** Name of the check that failed, of errors that verifying found. */
  readonly check?: string | undefined;
  readonly errors?: readonly ProblemError[] | undefined;
  /** Seconds after which the service wants to be asked again. */
  readonly retryAfterSeconds?: number | undefined;
  /** What became of the model server, where it is to blame. */
  readonly upstream?: UpstreamFault | undefined;
  readonly cause?: unknown;
}

/** Whatever the SDK throws. `code` is from a closed list; docs/problems.md explains each. */
export class BullaError extends Error {
  override readonly name: string = 'BullaError';
  readonly code: BullaErrorCode;
  readonly origin: ProblemOrigin;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly check: string | undefined;
  readonly errors: readonly ProblemError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly upstream: UpstreamFault | undefined;

  constructor(code: BullaErrorCode, details: BullaErrorDetails) {
    super(details.message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.origin = details.origin;
    this.retryable = details.retryable ?? false;
    this.status = details.status;
    this.requestId = details.requestId;
    this.check = details.check;
    this.errors = details.errors;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.upstream = details.upstream;
  }
}

/** The service does not know who asks, or the asker may not. */
export class AuthError extends BullaError {
  override readonly name = 'AuthError';
}
export class NotFoundError extends BullaError {
  override readonly name = 'NotFoundError';
}
/** The state of things does not allow it: somebody was faster, or it was done before. */
export class ConflictError extends BullaError {
  override readonly name = 'ConflictError';
}
export class RateLimitError extends BullaError {
  override readonly name = 'RateLimitError';
}
/** A token, an answer or a stream is not what it should be: somebody changed it, or cut it. */
export class VerifyError extends BullaError {
  override readonly name = 'VerifyError';
}
/** What the organisation signed is not what was pinned, older than what was seen, or expired; or a key is none of its. */
export class TrustError extends BullaError {
  override readonly name = 'TrustError';
}
/** The model behind the responder failed. */
export class UpstreamError extends BullaError {
  override readonly name = 'UpstreamError';
}

const TRUST_CODES: ReadonlySet<string> = new Set([
  'pin_mismatch',
  'trust_rollback',
  'trust_expired',
  'responder_key_changed',
]);
const VERIFY_CODES: ReadonlySet<string> = new Set([
  'token_malformed',
  'signature_invalid',
  'envelope_tampered',
  'envelope_expired',
  'open_failed',
  'stream_truncated',
  'key_unknown',
  'key_revoked',
  'label_stale',
  'suite_unknown',
  'key_invalid',
]);

/** An error of the class that fits its code and where it was found. */
export function bullaError(code: BullaErrorCode, details: BullaErrorDetails): BullaError {
  return new (classOf(code, details))(code, details);
}

function classOf(code: BullaErrorCode, { origin, check, status = 0 }: BullaErrorDetails): typeof BullaError {
  if (code.startsWith('upstream_')) return UpstreamError;
  if (TRUST_CODES.has(code)) return TrustError;
  if (status === 404 || code === 'label_not_found') return NotFoundError;
  if (origin === 'client' && (VERIFY_CODES.has(code) || check !== undefined)) return VerifyError;
  if (status === 401 || status === 403) return AuthError;
  if (status === 409 || status === 412) return ConflictError;
  return status === 429 ? RateLimitError : BullaError;
}

/** What a check of our own found, as the SDK throws it. */
export function fromCrypto(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  const { code, message, check } = error;
  return bullaError(code, { message, check, origin: 'client', cause: error });
}

/** Runs checks; what they refuse is thrown as a BullaError. */
export async function checked<Value>(work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw fromCrypto(error);
  }
}

/** A problem document that a service signed. Its sentence goes to terminals, so it must not command them. */
export function fromProblem(problem: ProblemDocument, retryAfterSeconds: number | undefined): BullaError {
  const { code, status, retryable, origin } = problem;
  const message = (problem.detail ?? problem.title).replaceAll(/\p{C}/gu, '\u{fffd}');
  return bullaError(code, {
    message,
    origin,
    retryable,
    status,
    requestId: problem.request_id,
    errors: problem.errors,
    retryAfterSeconds,
  });
}

/** No answer that could be trusted came back. */
export function transportFailed(message: string, details: Partial<BullaErrorDetails> = {}): BullaError {
  return new BullaError('transport_failed', {
    origin: 'client',
    retryable: CLIENT_PROBLEMS.transport_failed.retryable,
    ...details,
    message,
  });
}
