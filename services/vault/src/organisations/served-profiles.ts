import { Problem } from '@bulla/contract';
import type { RootDocument } from '@bulla/crypto';

/**
 * Which organisations this vault serves by their root's profile: in production none of `development`, whose keys lie
 * together in somebody's data folder (protocol.md §4).
 */
export class ServedProfiles {
  constructor(private readonly production: boolean) {}

  /** @throws {Problem} forbidden */
  require(profile: RootDocument['profile']): void {
    // guard: vault-production without: return;
    if (!this.production || profile !== 'development') return;
    throw new Problem('forbidden', { detail: 'an organisation of profile development is not served in production' });
  }
}
