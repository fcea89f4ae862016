import type { KeyStatus, Kid } from '@bulla/contract';
import { ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { JobsRepository } from '../jobs/jobs.repository.js';
import { presentJob } from '../jobs/jobs.service.js';
import { KeksRepository } from '../keyring/keks.repository.js';
import { RootKeys } from '../root-key/root-keys.js';
import type { RootKeyRow } from '../root-key/root-keys.repository.js';
import { KekRewrapRepository } from './kek-rewrap.repository.js';
import { KeyTimes } from './key-times.js';

const KEYS_MAX = 200;

/** How keys at rest stand, as people are told. */
@Injectable()
export class KeyStanding {
  constructor(
    private readonly roots: RootKeys,
    private readonly keks: KeksRepository,
    private readonly rows: KekRewrapRepository,
    private readonly jobs: JobsRepository,
    private readonly times: KeyTimes,
    private readonly keys: ServiceKeys,
  ) {}

  async read(org: string): Promise<KeyStatus> {
    const { repository } = this.roots;
    const objects = await repository.objects();
    const root = [];
    for (const row of (await repository.known()).toReversed().slice(0, KEYS_MAX))
      root.push(await this.presentRoot(row, objects.get(row.kid) ?? 0));
    const kek = (await this.keks.list(org, KEYS_MAX)).map((row) => ({
      version: row.version,
      state: row.state,
      root: row.root_kid,
      data_keys: row.wraps,
      uses: row.uses_reserved,
      created_at: row.created_at.toISOString(),
      activated_at: textOf(row.activated_at),
      deactivated_at: textOf(row.deactivated_at),
      destroyed_at: textOf(row.destroyed_at),
      due_at: textOf(this.times.dueAt(row)),
    }));
    const jobs = (await this.jobs.openIn(org)).map(presentJob);
    const inTokens = this.keys.inTokens.map(({ kid, standIn }) => ({
      kid: kid as Kid,
      ...(standIn !== undefined && { stand_in: standIn }),
    }));
    return { root, kek, pending: await this.rows.pending(org), jobs, in_tokens: inTokens };
  }

  private async presentRoot(row: RootKeyRow, objects: number): Promise<KeyStatus['root'][number]> {
    const standIn = this.roots.held.find(({ kid }) => kid === row.kid)?.standIn;
    return {
      kid: row.kid,
      state: row.state,
      objects,
      processes: await this.roots.repository.holders(row.kid),
      ...(standIn !== undefined && { stand_in: standIn }),
      created_at: row.created_at.toISOString(),
      activated_at: textOf(row.activated_at),
      deactivated_at: textOf(row.deactivated_at),
    };
  }
}

function textOf(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
