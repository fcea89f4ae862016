import { timestampOf } from '../tokens/document-times.js';
import { CryptoError } from '../names/errors.js';

/** What a check of an answer found. */
export interface Finding<Value> {
  readonly value: Value;
  /** For people. */
  readonly detail: string;
  /** With what the file was compared, for people. */
  readonly against: string;
  /** Seconds: the moment for which it was judged; absent where it does not matter. */
  readonly at?: number;
  /** Nothing at hand could show it: it decides nothing. */
  readonly isNotLookedFor?: boolean;
}

/** Of the pieces of an answer, for people: `1 piece`, `2 pieces`. */
export function countOf(pieces: number): string {
  return pieces === 1 ? '1 piece' : `${pieces} pieces`;
}

/** The refusal of evidence that was changed, or put together of parts that do not belong to each other. */
export function tampered(check: string, message: string): CryptoError {
  return new CryptoError('envelope_tampered', message, { check });
}

/** The last second that a timestamp can say: of the year 9999. */
const LAST_SECOND = 253_402_300_799;

/** A moment for people: a timestamp, or the bare number of seconds where somebody signed one that has none. */
export function momentOf(seconds: number): string {
  return Math.abs(seconds) > LAST_SECOND ? `second ${seconds}` : timestampOf(seconds);
}
