import type { Job, JobId, JobQuery } from '@bulla/contract';
import { Problem } from '@bulla/contract';
import type { Answer, Caller, Page } from '@bulla/service-kit';
import { decodeCursor, encodeCursor, pageOf } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultLedger } from '../../database/vault-ledger.js';
import type { JobRow } from './jobs.repository.js';
import { JobsRepository } from './jobs.repository.js';

/** What people see of work that goes on by itself, and how they stop it. */
@Injectable()
export class JobsService {
  constructor(
    private readonly ledger: VaultLedger,
    private readonly jobs: JobsRepository,
  ) {}

  async list(caller: Caller, { limit, cursor }: JobQuery): Promise<Answer<Page<Job>>> {
    const [before] = cursor === undefined ? [] : decodeCursor(cursor, ['string']);
    const rows = await this.jobs.list(caller.org, before, limit + 1);
    return pageOf(rows, {
      limit,
      item: presentJob,
      cursorAfter: ({ id }) => encodeCursor([id]),
      request: caller.request,
    });
  }

  async get(caller: Caller, id: JobId): Promise<Job> {
    const row = await this.jobs.find(caller.org, id);
    if (row === undefined) throw new Problem('not_found');
    return presentJob(row);
  }

  /** Stops a job between two of its steps. Twice is as good as once, and one that has ended stays as it is. */
  cancel(caller: Caller, id: JobId): Promise<Answer<undefined>> {
    return this.ledger.run(caller, async (trx) => {
      if ((await this.jobs.find(caller.org, id, trx)) === undefined) throw new Problem('not_found');
      await this.jobs.cancel(trx, caller.org, id);
      return { body: undefined, event: { act: 'job.cancel', obj: { job: id } } };
    });
  }
}

export function presentJob({ id, what, state, target, total, done, trouble, ...at }: JobRow): Job {
  return {
    id,
    what,
    state,
    target,
    total,
    done,
    ...(trouble !== null && { trouble }),
    created_at: at.created_at.toISOString(),
    changed_at: at.changed_at.toISOString(),
    ended_at: at.ended_at?.toISOString() ?? null,
  };
}
