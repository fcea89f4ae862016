import type {
  ClientProblemCode,
  ErrorKind,
  ProblemCode,
  ProblemDocument,
  ProblemError,
  ProblemOrigin,
  TlsFault,
} from '@bulla/contract';
import { ALL_PROBLEMS, CLIENT_PROBLEMS } from '@bulla/contract';
import type { CryptoErrorCode } from '@bulla/crypto';
import { CryptoError, fingerprint } from '@bulla/crypto';
import type { UpstreamFault } from './upstream-words.js';

export type BullaErrorCode = ProblemCode | ClientProblemCode | CryptoErrorCode;

/** What an error is about, for programs: a message is for people, and may change. */
export type ErrorDetails =
  /** The service gives no reason beside the title of its code. */
  | { readonly kind: 'unsaid' }
  | { readonly kind: 'organisation'; readonly org: string }
  | { readonly kind: 'prompt'; readonly name: string }
  /** Versions that are not sealed to this device. */
  | { readonly kind: 'unsealed'; readonly name: string; readonly versions: readonly number[] }
  /** A person has to look at the position and adopt it; the message says how. */
  | { readonly kind: 'adopt'; readonly name: string; readonly label: string }
  /** What an answer says that nobody signed. */
  | { readonly kind: 'unsigned'; readonly code: ProblemCode }
  /** No connection came about, because of a certificate or of TLS itself. */
  | { readonly kind: 'tls'; readonly fault: TlsFault }
  /** The key that was met in the place of one that is listed: its fingerprint. */
  | { readonly kind: 'key'; readonly fingerprint: string };

/** An answer as its service signed it, and of the request what that signature covers: whoever keeps it can show it. */
export interface SignedAnswer {
  readonly method: string;
  readonly url: string;
  /** Of the request: `signature-input`, `signature`, and `content-digest` where it had a body. */
  readonly request: Readonly<Record<string, string>>;
  readonly status: number;
  /** Of the answer: `content-type`, `content-digest`, `signature-input`, `signature`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface BullaErrorOptions {
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
  readonly details?: ErrorDetails | undefined;
  /** The refusal as the service signed it. */
  readonly answer?: SignedAnswer | undefined;
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
  readonly details: ErrorDetails | undefined;
  readonly answer: SignedAnswer | undefined;

  constructor(code: BullaErrorCode, options: BullaErrorOptions) {
    super(options.message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.origin = options.origin;
    this.retryable = options.retryable ?? false;
    this.status = options.status;
    this.requestId = options.requestId;
    this.check = options.check;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.upstream = options.upstream;
    this.details = options.details;
    this.answer = options.answer;
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
/** What the organisation signed is not what was pinned, older than what was seen, or expired; or a key is not its. */
export class TrustError extends BullaError {
  override readonly name = 'TrustError';
}
/** The model behind the responder failed. */
export class UpstreamError extends BullaError {
  override readonly name = 'UpstreamError';
}

const BY_KIND: Readonly<Record<ErrorKind, typeof BullaError>> = { trust: TrustError, upstream: UpstreamError };
const BY_STATUS: Readonly<Record<number, typeof BullaError>> = {
  401: AuthError,
  403: AuthError,
  404: NotFoundError,
  409: ConflictError,
  412: ConflictError,
  429: RateLimitError,
};

/** An error of the class that fits its code and where it was found. */
export function bullaError(code: BullaErrorCode, details: BullaErrorOptions): BullaError {
  return new (classOf(code, details))(code, details);
}

function classOf(code: BullaErrorCode, { origin, check }: BullaErrorOptions): typeof BullaError {
  const { kind, ownFinding, status = 0 } = ALL_PROBLEMS[code];
  if (kind !== undefined) return BY_KIND[kind];
  const isOwn = origin === 'client' && (ownFinding === true || check !== undefined);
  return isOwn && status !== 404 ? VerifyError : (BY_STATUS[status] ?? BullaError);
}

/** What a check of our own found, as the SDK throws it. */
export function fromCrypto(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  const { code, message, check, kid } = error;
  const details: ErrorDetails | undefined =
    kid === undefined ? undefined : { kind: 'key', fingerprint: fingerprint(kid) };
  return bullaError(code, { message, check, details, origin: 'client', cause: error });
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
export function fromProblem(
  problem: ProblemDocument,
  retryAfterSeconds: number | undefined,
  answer?: SignedAnswer,
): BullaError {
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
    details: problem.detail === undefined ? { kind: 'unsaid' } : undefined,
    answer,
  });
}

/** No answer that could be trusted came back. */
export function transportFailed(message: string, details: Partial<BullaErrorOptions> = {}): BullaError {
  return new BullaError('transport_failed', {
    origin: 'client',
    retryable: CLIENT_PROBLEMS.transport_failed.retryable,
    ...details,
    message,
  });
}
