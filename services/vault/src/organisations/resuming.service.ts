import type { AcceptedDocument } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Answer, Caller } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../database/vault-ledger.js';
import { WaitingMoves } from '../prompts/waiting-moves.js';
import { RestoreGuard } from '../restores/restore-guard.js';
import { OrganisationsRepository } from './organisations.repository.js';

/** Ends the time after a restore in which only what was lost is taken. */
@Injectable()
export class ResumingService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly organisations: OrganisationsRepository,
    private readonly restores: RestoreGuard,
    private readonly waiting: WaitingMoves,
  ) {}

  /**
   * Goes on from what the vault has now. Twice is as good as once.
   * @param directory version that the caller has seen it have
   * @throws {Problem} version_conflict if somebody has handed back a later one since
   */
  resume(caller: Caller, directory: number): Promise<Answer<AcceptedDocument>> {
    const { org } = caller;
    return this.ledger.run(caller, async (trx) => {
      await this.organisations.lock(trx, org);
      const version = (await this.organisations.newestVersions(org, trx))?.directory ?? 0;
      // guard: resume-seen
      if (version !== directory)
        throw new Problem('version_conflict', { detail: 'the vault has another directory by now' });
      // Of what waits in the backup nobody knows whether it was dropped since.
      // guard: resume-waiting without: const ended = (await this.restores.end(trx, org)) ? 0 : 0;
      const ended = (await this.restores.end(trx, org)) ? await this.waiting.endAll(trx, org) : 0;
      return { body: { version }, event: { act: 'organisation.resume', obj: { version, ended } } };
    });
  }
}
