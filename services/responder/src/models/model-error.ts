/** Why a model did not answer, or not to the end. */
export type ModelErrorCode =
  | 'upstream_auth'
  | 'upstream_rate_limited'
  | 'upstream_timeout'
  | 'upstream_unavailable'
  | 'model_not_allowed';

/**
 * The only error of a {@link Model} besides the caller's own abort. Messages are ours: neither the upstream's text nor
 * the prompt is ever part of one, and there is no `cause`, for a parser's error carries the bytes it failed on.
 */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;
  /** When the upstream says a retry makes sense; 1 to 3,600. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ModelErrorCode, message: string, retryAfterSeconds?: number) {
    super(message);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The upstream said something that is no answer, or did not say all of it. */
export function brokenAnswer(what: string): ModelError {
  return new ModelError('upstream_unavailable', `the upstream's answer is broken: ${what}`);
}
