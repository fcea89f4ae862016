import { Trust } from '@bulla/crypto';
import { checked } from '../connection/errors.js';
import type { TrustState } from './trust-store.js';

/**
 * What was trusted last, whatever its age and however far away the vault.
 * @param now seconds
 * @throws {TrustError} if what is kept is damaged
 */
export function rememberedTrust(
  { pin, documents, memory }: TrustState,
  { org, now }: { readonly org: string; readonly now: number },
): Promise<Trust> {
  return checked(() => Trust.establish(documents, { org, pin, now, previous: memory, acceptExpired: true }));
}
