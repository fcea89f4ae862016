/**
 * Why something was refused. Codes are API and closed; messages are for people and may change.
 * Before a private or content key is used the code is exact; afterwards it is `open_failed`, whatever went wrong.
 */
export type CryptoErrorCode =
  | 'token_malformed'
  | 'payload_too_large'
  | 'suite_unknown'
  | 'key_invalid'
  | 'key_unknown'
  | 'key_revoked'
  | 'signature_invalid'
  | 'unauthenticated'
  | 'clock_skew'
  | 'envelope_tampered'
  | 'envelope_expired'
  | 'forbidden'
  | 'custody_not_allowed'
  | 'open_failed'
  | 'content_uncommitted'
  | 'pin_mismatch'
  | 'trust_rollback'
  | 'trust_expired'
  | 'label_stale'
  | 'label_not_found'
  | 'responder_key_changed'
  | 'stream_truncated'
  | 'log_inconsistent'
  | 'head_missing';

export interface CryptoErrorOptions extends ErrorOptions {
  /** Stable kebab-case name of the check that failed, such as `content-hash`; shown by `bulla verify`. */
  readonly check?: string;
  /** The key that was met in the place of one that is listed. */
  readonly kid?: string;
  /** The entries of a log that were not right. */
  readonly entries?: EntryRange;
}

/** Entries of a log that follow one another; they count from 0. */
export interface EntryRange {
  readonly first: number;
  readonly last: number;
}

/** The only error this package throws on purpose. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError';
  readonly code: CryptoErrorCode;
  readonly check: string | undefined;
  readonly kid: string | undefined;
  readonly entries: EntryRange | undefined;

  constructor(code: CryptoErrorCode, message: string, options: CryptoErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.check = options.check;
    this.kid = options.kid;
    this.entries = options.entries;
  }
}
