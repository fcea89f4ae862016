import type { PolicyDocument, RootDocument } from '@bulla/crypto';
import { CryptoError, DOCUMENT_TAKEN_SECONDS, requireSeconds, ROOT_TAKEN_SECONDS, secondsOf } from '@bulla/crypto';

/**
 * Checks that a policy or directory is not published long after it was signed: who signed it may sign another one of its
 * version then (protocol.md A21). That it is not ahead is checked with its signatures.
 * @param now seconds
 * @throws {CryptoError} trust_expired
 */
export function requireStillTaken(
  role: 'policy' | 'directory',
  { issued }: Pick<PolicyDocument, 'issued'>,
  now: number,
): void {
  requireSeconds(now);
  // guard: vault-publish-late
  if (now > secondsOf(issued) + DOCUMENT_TAKEN_SECONDS)
    throw new CryptoError('trust_expired', `the ${role} was signed more than a day ago: sign it anew`, {
      check: `${role}-late`,
    });
}

/**
 * Checks that the moment has come for which a root was planned, and has not gone by (protocol.md A21).
 * @param now seconds
 * @throws {CryptoError} clock_skew before it, trust_expired after it
 */
export function requireRootMoment({ issued }: Pick<RootDocument, 'issued'>, now: number): void {
  requireSeconds(now);
  // guard: vault-root-early
  if (now < secondsOf(issued))
    throw new CryptoError('clock_skew', `the root is planned for ${issued}: it is taken from then on`, {
      check: 'root-early',
    });
  // guard: vault-root-late
  if (now > secondsOf(issued) + ROOT_TAKEN_SECONDS)
    throw new CryptoError(
      'trust_expired',
      `the root was planned for ${issued}, and taken for 15 minutes: sign another`,
      {
        check: 'root-late',
      },
    );
}
