import type { DocumentPair } from '@bulla/crypto';
import { findLockOut } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';

/** The check of what is refused before it is signed: the command knows by it what to say next. */
export const LOCK_OUT_CHECK = 'lock-out';

/**
 * Refuses to sign a policy or directory after which the vault, the last responder or the last owner could not be used any
 * more. The vault refuses it, too.
 * @param before what counts now.
 * @param after what would count then.
 * @param now seconds.
 * @throws {BullaError} validation_failed; its check is `lock-out-suites`, `lock-out-directory` or `lock-out-expiry`
 */
export function requireNobodyLockedOut(before: DocumentPair, after: DocumentPair, now: number): void {
  const lockOut = findLockOut(before, after, now);
  // guard: client-lock-out
  if (lockOut !== undefined)
    throw bullaError('validation_failed', {
      message: `nothing was signed: ${lockOut.reason}`,
      check: `${LOCK_OUT_CHECK}-${lockOut.by}`,
      origin: 'client',
    });
}
