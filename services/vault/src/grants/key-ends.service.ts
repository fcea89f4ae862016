import { Problem } from '@bulla/contract';
import { lastsAsLong, parseUrn } from '@bulla/crypto';
import type { Trust } from '@bulla/crypto';
import type { Caller } from '@bulla/service-kit';
import { Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { KeyEndsRepository } from './key-ends.repository.js';

/** The end of an encryption key of a responder: no version that runs before it stops running by it. */
@Injectable()
export class KeyEndsService {
  constructor(
    private readonly ends: KeyEndsRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Checks, for a directory that is about to be published, that each key which it ends opens nothing that the newest key
   * of its responder does not. A version whose data key the vault keeps does not count: it makes the grant when it is asked
   * for. Who adds grants meanwhile has done so before the count, or does so by this directory.
   * A key whose follower is listed with it for the first time is replaced and not followed: the responder has lost it.
   * @throws {Problem} needs_rewrap
   */
  async requireNothingLost(trx: VaultTransaction, before: Trust, next: Trust): Promise<void> {
    for (const urn of next.entitiesOf('responder')) {
      const [listed, left] = [before, next].map((trust) => this.activeOf(trust, urn));
      const ended = listed?.filter((kid) => left?.includes(kid) === false && !next.isRevoked(kid)) ?? [];
      const newest = left?.[0];
      if (ended.length === 0 || (newest !== undefined && before.holder(newest) === undefined)) continue;
      // guard: vault-end-held
      await this.ends.holdDirectory(trx, next.org);
      const withdrawn = next.directory.withdrawn.map(({ sub, below }) => ({ id: parseUrn(sub)?.id ?? '', below }));
      const sealsManaged = newest !== undefined && ended.every((kid) => followsInTime(next, newest, kid));
      const count = await this.ends.countLacking(trx, next.org, { kids: ended, newest, sealsManaged, withdrawn });
      // guard: vault-end-lacking
      if (count > 0)
        throw new Problem('needs_rewrap', {
          detail: `${count === 1 ? '1 version is' : `${count} versions are`} sealed to a key that ends and not to the newest of ${urn}`,
        });
    }
  }

  /**
   * Has a caller add grants by the newest directory, and none that ends a key come before the transaction ends.
   * @throws {Problem} overloaded where another process, or another request, published one a moment ago
   */
  async requireNewest(trx: VaultTransaction, { org, trust }: Pick<Caller, 'org' | 'trust'>): Promise<void> {
    await this.ends.shareDirectory(trx, org);
    const newest = await this.ends.newestDirectory(trx, org);
    // guard: vault-grants-newest
    if (newest !== trust.directory.version) throw new Problem('overloaded', { retryAfterSeconds: 1 });
  }

  /** Has all who add grants wait: those who come later go by the directory that this transaction publishes. */
  holdDirectory(trx: VaultTransaction, org: string): Promise<void> {
    return this.ends.holdDirectory(trx, org);
  }

  private activeOf(trust: Trust, urn: string): string[] {
    return trust.activeKeys(urn, 'unwrap', this.clock.now()).map(({ record }) => record.kid);
  }
}

/** Whether the vault may seal to a key all that was sealed to another, however long its authors have it protected. */
function followsInTime(trust: Trust, newest: string, ended: string): boolean {
  const [next, before] = [trust.holder(newest)?.record, trust.holder(ended)?.record];
  // guard: vault-end-suite without: return true;
  return next !== undefined && before !== undefined && lastsAsLong(next.suite, before.suite);
}
