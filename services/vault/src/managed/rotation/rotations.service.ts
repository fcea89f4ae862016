import type { Job, KeyStatus, NewRotation } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { AuditEntry, Caller } from '@bulla/service-kit';
import { Answer } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../../database/vault-ledger.js';
import type { VaultTransaction } from '../../database/vault-database.js';
import type { JobRow } from '../jobs/jobs.repository.js';
import { JobsRepository } from '../jobs/jobs.repository.js';
import { presentJob } from '../jobs/jobs.service.js';
import { RootKeys } from '../root-key/root-keys.js';
import { KekRewrapRepository } from './kek-rewrap.repository.js';
import { KeyStanding } from './key-standing.js';
import { RootRewrapRepository } from './root-rewrap.repository.js';

/** How keys at rest stand, and the beginning of their replacement. */
@Injectable()
export class RotationsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly roots: RootKeys,
    private readonly jobs: JobsRepository,
    private readonly standing: KeyStanding,
    private readonly keks: KekRewrapRepository,
    private readonly keksOfAll: RootRewrapRepository,
  ) {}

  /** Begins to replace a key. Where that goes on already, it is that job. */
  async rotate(caller: Caller, { what, to }: NewRotation): Promise<Answer<Job>> {
    return this.ledger.run(caller, async (trx) => {
      // guard: rotate-managed
      if (!this.roots.any) throw new Problem('custody_not_allowed', { detail: 'this vault has no root key' });
      const job = what === 'kek' ? await this.rotateKek(trx, caller) : await this.rotateRoot(trx, caller, to);
      return { body: presentJob(job), event: eventOf(job) };
    });
  }

  private async rotateKek(trx: VaultTransaction, { org }: Caller): Promise<JobRow> {
    return this.jobs.begin(trx, { org, what: 'kek', total: await this.keks.all(org, trx) });
  }

  private async rotateRoot(trx: VaultTransaction, { org }: Caller, to: string | undefined): Promise<JobRow> {
    const kid = to === undefined ? undefined : this.roots.nextNamed(to);
    const row = (await this.roots.repository.known(trx)).find((one) => one.kid === kid);
    // What a request names is compared and never opened: it would be a way to every file of the vault.
    if (kid === undefined || row === undefined)
      throw new Problem('validation_failed', {
        detail: 'the vault holds no such key: set BULLA_ROOT_KEY_NEXT to it in every process, and put the key there',
      });
    // guard: rotate-back
    if (row.state === 'deactivated')
      throw new Problem('validation_failed', { detail: 'this root key was replaced before, and does not come back' });
    return this.jobs.begin(trx, { org, what: 'root', target: kid, total: await this.keksOfAll.pending(kid, trx) });
  }

  /** All keys at rest that are the organisation's, and those that they are under. */
  read({ org }: Caller): Promise<KeyStatus> {
    return this.standing.read(org);
  }
}

function eventOf({ id, what, target }: JobRow): AuditEntry {
  return { act: 'key.rotate', obj: { job: id, what, ...(target !== null && { target }) } };
}
