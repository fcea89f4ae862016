import type { AcceptedDocument, DirectoryFreshness } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import { parseDirectoryFreshness, verifyDirectoryFreshness } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Answer, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { OrganisationsRepository } from './organisations.repository.js';
import { requireOwnWord } from './own-word.js';
import { VaultTrust } from './vault-trust.js';

/** What renewers say of directories: that the newest is the newest. */
@Injectable()
export class DirectoryFreshnessService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly clock: Clock,
    private readonly organisations: OrganisationsRepository,
    private readonly trust: VaultTrust,
  ) {}

  /**
   * Keeps a renewer's word for the newest directory; from then on this vault goes by it, and everybody is shown it.
   * @throws {Problem} version_conflict for another directory; forbidden, clock_skew; {CryptoError} as
   *   verifyDirectoryFreshness
   */
  async freshen(caller: Caller, token: string): Promise<Answer<AcceptedDocument>> {
    const { org, urn } = caller;
    const { claims } = parseDirectoryFreshness(token);
    await this.trust.refresh(org);
    const trust = (await this.trust.trustOf(org)) ?? caller.trust;
    const { ver: version } = trust.directoryRef;
    // guard: vault-fresh-directory
    if (claims.dir.ver !== version)
      throw new Problem('version_conflict', { detail: 'what a renewer says is not of the newest directory' });
    const now = this.clock.now();
    // guard: vault-directory-fresh
    await verifyDirectoryFreshness(token, trust, now);
    requireOwnWord(caller, claims, now);
    const answer = await this.ledger.run(caller, async (trx) => {
      await this.organisations.putWord(trx, { org, urn, version, token, issued_at: new Date(claims.iat * 1000) });
      return { body: { version }, event: { act: 'directory.freshen', obj: { version } } };
    });
    this.trust.forget(org);
    return answer;
  }

  /**
   * The words of renewers that are good for the newest directory, the newest first.
   * @throws {Problem} not_found
   */
  async words(org: string): Promise<Answer<DirectoryFreshness>> {
    const trust = await this.trust.trustOf(org);
    if (trust === undefined) throw new Problem('not_found');
    const body = { v: 1 as const, fresh: [...trust.freshness.fresh] };
    return new Answer(body, { headers: { 'cache-control': 'public, no-cache' } });
  }
}
