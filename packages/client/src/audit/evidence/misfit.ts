import { CryptoError } from '@bulla/crypto';

/** An entry that does not fit what shows who asked for it, or that has nothing to show it. */
export interface Misfit {
  /** Place in the log; counts from 0. */
  readonly index: number;
  /** For people: what does not fit. */
  readonly message: string;
  /** Of one that names evidence which is not there, and which nobody erased. */
  readonly isAbsent?: true;
}

/** Says so of the entry at hand. */
export function misfit(message: string): CryptoError {
  return new CryptoError('signature_invalid', message, { check: 'entry-evidence' });
}
