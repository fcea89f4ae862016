import type { Trust } from '@bulla/crypto';
import { Injectable } from '@nestjs/common';
import type { VaultTransaction } from '../database/vault-database.js';
import { ApprovalsRepository } from './approvals.repository.js';

/** Moves of labels that wait for people, as the rules change under which they wait. */
@Injectable()
export class WaitingMoves {
  constructor(private readonly approvals: ApprovalsRepository) {}

  /** Ends all that waits: after a restore nobody knows what of it was dropped, or done. @returns how much it was */
  endAll(trx: VaultTransaction, org: string): Promise<number> {
    return this.approvals.dropAll(trx, org);
  }

  /** Ends what waits under a rule of its label that changes now, or longer or shorter than it would wait from now on. */
  async endChanged(trx: VaultTransaction, before: Trust, next: Trust): Promise<void> {
    for (const { name, label } of await this.approvals.waitingOf(trx, next.org)) {
      const [old, changed] = [before, next].map((trust) =>
        JSON.stringify([
          trust.labelRule(name, label),
          trust.pendingSeconds, // guard: vault-approval-fresh-days
        ]),
      );
      // guard: vault-approval-rule
      if (old !== changed) await this.approvals.dropOf(trx, next.org, name, label);
    }
  }
}
