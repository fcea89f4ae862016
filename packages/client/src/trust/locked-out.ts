import type { DirectoryDocument, DocumentPair } from '@bulla/crypto';
import { findLockOut, isCheckpointKey } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';

/** The check of what is refused before it is signed: the command knows by it what to say next. */
export const LOCK_OUT_CHECK = 'lock-out';
/** The check of a directory that would leave out the key of an audit log. */
const LOG_KEY_CHECK = 'log-key-left-out';

/**
 * Refuses to sign a policy or directory after which the vault, the last responder or the last owner could not be used any
 * more, which the vault refuses, too; and a directory that leaves out the key of an audit log, as by an ended one its
 * checkpoints are verified, and nobody serves the directories of before.
 * @param before what counts now.
 * @param after what would count then.
 * @param now seconds.
 * @throws {BullaError} validation_failed; its check is `lock-out-suites`, `lock-out-directory` or `lock-out-expiry`; or
 *   `log-key-left-out`
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
  requireLogKeys(before.directory, after.directory);
}

function requireLogKeys(before: DirectoryDocument, after: DirectoryDocument): void {
  for (const [urn, { keys }] of Object.entries(before.entities)) {
    const kept = new Set(Object.hasOwn(after.entities, urn) ? after.entities[urn]?.keys.map(({ kid }) => kid) : []);
    const gone = keys.find((key) => isCheckpointKey(key) && !kept.has(key.kid));
    // guard: client-log-key-left-out
    if (gone !== undefined)
      throw bullaError('validation_failed', {
        message: `nothing was signed: the directory would leave out the key of ${logText(gone)} of ${urn}, which nobody could verify then`,
        check: LOG_KEY_CHECK,
        origin: 'client',
      });
  }
}

function logText({ log }: { readonly log?: number | undefined }): string {
  return log === undefined ? 'an audit log' : `audit log ${log}`;
}
