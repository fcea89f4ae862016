import type { Trust } from '@bulla/crypto';
import { CryptoError } from '@bulla/crypto';
import type { CheckpointTrust, LogName, VerifiedCheckpoint } from '@bulla/crypto/log';
import { pinInOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import { lowestLogIn, otherLogKeysOf } from './log-keys.js';

/** Whose log it is. */
interface NamedLog {
  readonly name: LogName;
  /** Verified directories, the newest first. */
  readonly trusts: readonly [Trust, ...Trust[]];
}

/**
 * The checkpoint of a log, by its own keys.
 * @throws {CryptoError} log_inconsistent: missing; log-key where the key of another log signed it; as verifyCheckpoint
 */
export async function signedBy(
  note: Uint8Array | undefined,
  trust: CheckpointTrust,
  { name, trusts }: NamedLog,
): Promise<VerifiedCheckpoint> {
  if (note === undefined) throw new CryptoError('log_inconsistent', 'the log is not there', { check: 'missing' });
  try {
    return await verifyCheckpoint(note, trust);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'key_unknown') throw error;
    const others = (await otherLogKeysOf(trusts, name)).map((key) => key.note);
    // guard: audit-log-key-named
    if (!(await isSigned(note, { ...trust, keys: others }))) throw error;
    throw new CryptoError('log_inconsistent', 'the key of another log of this service signed it', { check: 'log-key' });
  }
}

/**
 * Refuses a log of an organisation under another pin, and one whose name bears no pin though the service had numbered keys
 * by then.
 * @throws {CryptoError} log_inconsistent (origin, log-key)
 */
export async function requireLogName(
  { pin, urn, number }: LogName,
  trusts: readonly [Trust, ...Trust[]],
): Promise<void> {
  // guard: audit-log-pin
  if (pin !== undefined && pin !== pinInOrigin(trusts[0].pin))
    throw new CryptoError('log_inconsistent', 'it is a log of an organisation under another pin', { check: 'origin' });
  const lowest = lowestLogIn(trusts, urn);
  // guard: audit-log-form
  if (pin === undefined && lowest !== undefined && number >= lowest)
    throw new CryptoError('log_inconsistent', `from log ${lowest} on the name of a log bears the pin`, {
      check: 'log-key',
    });
  return Promise.resolve();
}

async function isSigned(note: Uint8Array, trust: CheckpointTrust): Promise<boolean> {
  try {
    await verifyCheckpoint(note, trust);
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}
