import type { ModelCapability } from '@bulla/contract';

/** Why a model did not answer, or not to the end. */
export type ModelErrorCode =
  | 'upstream_auth'
  | 'upstream_rate_limited'
  | 'upstream_timeout'
  | 'upstream_unavailable'
  | 'model_not_allowed'
  | 'model_incapable';

/** What became of a model server, or what no model does that is needed: docs/spec/frames.md, Errors. */
export type UpstreamCause =
  | 'connection_refused'
  | 'host_unknown'
  | 'tls_failed'
  | 'unreachable'
  | 'hung_up'
  | 'too_slow'
  | 'http_status'
  | 'not_completions'
  | 'cut'
  | 'withheld'
  | 'resting'
  | 'full'
  | `needs_${ModelCapability | 'context'}`;

/** What may be said of a fault of a model server. */
export interface UpstreamFault {
  readonly cause: UpstreamCause;
  /** The HTTP status, where that is the fault. */
  readonly status?: number | undefined;
  /** When the upstream says a retry makes sense, in seconds; 1 to 3,600. */
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * The only error of a {@link Model} besides the caller's own abort. Messages are ours: neither the upstream's text nor
 * the prompt is ever part of one, and there is no `cause`, for a parser's error carries the bytes it failed on.
 */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;
  /** What became of the model server, where it is to blame. */
  readonly fault: UpstreamFault | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ModelErrorCode, message: string, fault?: UpstreamFault) {
    super(message);
    this.code = code;
    this.fault = fault;
    this.retryAfterSeconds = fault?.retryAfterSeconds;
  }
}

/** The upstream said something that is no answer, or did not say all of it. */
export function brokenAnswer(what: string, cause: UpstreamCause = 'not_completions'): ModelError {
  return new ModelError('upstream_unavailable', `the upstream's answer is broken: ${what}`, { cause });
}
