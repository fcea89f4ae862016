import type { Trust } from '@bulla/crypto';
import { keyState } from '@bulla/crypto';
import { bullaError } from '../connection/errors.js';
import type { Identity } from '../connection/identity.js';

/**
 * Checks that a directory lets a device in.
 * @param now seconds
 * @throws {AuthError} unauthenticated
 */
export function requireOwnKey({ urn, signer }: Identity, trust: Trust, now: number): void {
  const { version } = trust.directory;
  const holder = trust.holder(signer.kid);
  if (holder?.urn !== urn) {
    const message = `directory version ${version} does not list the key of this device`;
    throw bullaError('unauthenticated', { message, origin: 'client', status: 401 });
  }
  const state = keyState(holder.record, trust.isRevoked(signer.kid), now);
  if (state === 'active') return;
  const message =
    state === 'revoked'
      ? `directory version ${version} revokes this device`
      : `the key of this device is ${state} in directory version ${version}`;
  throw bullaError('unauthenticated', { message, origin: 'client', status: 401 });
}
