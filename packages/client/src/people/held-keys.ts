import type { Trust } from '@bulla/crypto';
import { fingerprint } from '@bulla/crypto';
import type { PublicKey } from '@bulla/crypto/key-files';
import { BullaError, bullaError } from '../connection/errors.js';
import type { Session } from '../connection/session.js';
import { serviceAt } from '../connection/session.js';

/**
 * `kid` of each key that a service holds, by its own word.
 * @param alsoBy keys by which it may sign that, although no directory lists them.
 * @throws {BullaError} transport_failed; forbidden
 */
export async function heldKeys(
  session: Session,
  trust: Trust,
  urn: string,
  alsoBy: readonly PublicKey[] = [],
): Promise<readonly string[]> {
  const { kids } = await session.transport.call('key.held', serviceAt(session, trust, urn), trust, { alsoBy });
  return kids;
}

/**
 * Asks a service whether it holds keys that the directory is to list: once they are listed, things are sealed to them. The
 * process that answers speaks for all replicas. It may sign by one of these keys, as where it was started with their file.
 * @throws {BullaError} validation_failed (key-file) if it lacks one of them; transport_failed (key-file) if nobody answers
 */
export async function requireHeld(
  session: Session,
  trust: Trust,
  urn: string,
  keys: readonly PublicKey[],
): Promise<void> {
  const kids = await heldKeys(session, trust, urn, keys).catch((cause: unknown) => {
    if (!(cause instanceof BullaError) || cause.code !== 'transport_failed') throw cause;
    throw bullaError('transport_failed', {
      message: `nobody could be asked whether ${urn} holds its new keys, so nothing was signed: ${cause.message}`,
      check: 'key-file',
      origin: 'client',
      cause,
    });
  });
  const lacking = keys.filter(({ kid }) => !kids.includes(kid)).map(({ kid }) => fingerprint(kid));
  // guard: accept-held
  if (lacking.length > 0)
    throw bullaError('validation_failed', {
      message: `${urn} does not hold ${lacking.join(', ')} yet, so nothing was signed: its new key file is not in place`,
      check: 'key-file',
      origin: 'client',
    });
}
