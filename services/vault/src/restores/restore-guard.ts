import { Problem } from '@bulla/contract';
import { databaseFault, EventLog, LogEvent, PROBE_FAILED } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import type { Standing } from './restores.repository.js';
import { RestoresRepository } from './restores.repository.js';

/** A restored or promoted database: nothing moves until everybody has handed back what they keep and an admin says so. */
const VAULT_RESTORED = new LogEvent<{ org: string }>('vault-restored', 'error');

/**
 * Notices that the database was restored from a backup, or that a standby took over: what was published and moved since
 * is forgotten there, and people may have relied on it. From then on nothing moves until an admin has said that those
 * who remember more have handed it back (docs/decisions/2026-11-28-handing-back.md).
 */
@Injectable()
export class RestoreGuard implements OnApplicationBootstrap {
  constructor(
    private readonly restores: RestoresRepository,
    private readonly log: EventLog,
  ) {}

  /** A database that does not answer now is looked at by the first request. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.renew();
    } catch (error) {
      this.log.write(PROBE_FAILED, { probe: 'restore', errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }

  /** Where an organisation stands, marked anew where its mark is not ours; undefined if it is not here. */
  async look(org: string): Promise<Standing | undefined> {
    const found = await this.restores.find(org);
    if (found?.isOurs === true) return found;
    await this.renew(org);
    return this.restores.find(org);
  }

  /**
   * Checks that labels and documents may change.
   * @throws {Problem} vault_restored; overloaded where it is not noticed yet: the next try finds it marked
   */
  async requireUnrestored(trx: VaultTransaction, org: string): Promise<void> {
    // guard: restore-stops
    if (await this.isRestored(trx, org)) throw new Problem('vault_restored');
  }

  /**
   * Checks that what was lost may be handed back, and holds the organisation until the transaction ends: nobody resumes,
   * and nobody else hands back, meanwhile.
   * @throws {Problem} forbidden; overloaded as above
   */
  async requireRestored(trx: VaultTransaction, org: string): Promise<void> {
    await this.restores.hold(trx, org);
    // guard: restore-open
    if (!(await this.isRestored(trx, org)))
      throw new Problem('forbidden', { detail: 'the vault was not restored, so it has lost nothing' });
  }

  /**
   * Ends the time after a restore. The transaction holds the organisation.
   * @returns false if there is none
   */
  end(trx: VaultTransaction, org: string): Promise<boolean> {
    return this.restores.resume(trx, org);
  }

  private async isRestored(trx: VaultTransaction, org: string): Promise<boolean> {
    const standing = await this.restores.find(org, trx);
    // Not within this transaction: a refusal would take the mark back with it.
    // guard: restore-unmarked
    if (standing?.isOurs !== true) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    return standing.restoredAt !== null;
  }

  private async renew(org?: string): Promise<void> {
    for (const restored of await this.restores.renew(org)) this.log.write(VAULT_RESTORED, { org: restored });
  }
}
