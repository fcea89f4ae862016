import { kekId } from '@bulla/crypto/open';
import { AuditOutbox, auditOfService, Clock } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { JobKind, Step } from '../jobs/job-runner.js';
import { JobRunner } from '../jobs/job-runner.js';
import type { JobRow } from '../jobs/jobs.repository.js';
import { asked, RootKeys } from '../root-key/root-keys.js';
import type { MovableKek } from './root-rewrap.repository.js';
import { RootRewrapRepository } from './root-rewrap.repository.js';

/** A provider may be another machine. */
const BATCH = 16;

/**
 * Replaces the root key: once every process of the vault holds the new one it becomes the active one, and the keys of all
 * organisations go under it. Until then, and while any key is under it, the old one is needed.
 */
@Injectable()
export class RootRotation implements JobKind {
  readonly what = 'root';

  constructor(
    private readonly roots: RootKeys,
    private readonly rows: RootRewrapRepository,
    private readonly clock: Clock,
    private readonly outbox: AuditOutbox,
    jobs: JobRunner,
  ) {
    jobs.add(this);
  }

  async step({ org, target }: JobRow): Promise<Step> {
    if (target === null) return { waitsFor: 'internal' };
    const known = await this.roots.repository.known();
    const row = known.find(({ kid }) => kid === target);
    if (row === undefined || (row.state !== 'active' && !(await this.promote(org, target))))
      return { waitsFor: 'processes_without_key' };
    const keks = await this.rows.some(target, BATCH);
    if (keks.length === 0) return 'ended';
    let moved = 0;
    for (const kek of keks) moved += await this.move(target, kek);
    return { done: moved };
  }

  /** @returns false while a process of the vault does not hold it: it could open nothing that went under it */
  private promote(org: string, target: string): Promise<boolean> {
    const { repository } = this.roots;
    return repository.db.transaction().execute(async (trx) => {
      // A process that starts now looks at these rows first, and waits for this.
      const known = await repository.knownFixed(trx, 'update');
      const before = known.find(({ state }) => state === 'active');
      if (before?.kid === target) return true;
      // guard: root-promoted-by-all
      if ((await repository.holders(target, trx)).without > 0) return false;
      await repository.promote(trx, target);
      const obj = { root: target, ...(before !== undefined && { before: before.kid }) };
      const event = auditOfService(org, { act: 'root.activate', obj }, this.clock.nowMs());
      await this.outbox.write(trx, { org, event, evidence: null });
      return true;
    });
  }

  private async move(target: string, kek: MovableKek): Promise<number> {
    const { org, version, wrapped, root_kid: from } = kek;
    const [before, after] = [await this.roots.of(from), await this.roots.of(target)];
    const context = { org, kek: kekId(kek.org, kek.version), kver: version };
    const key = await asked(() => before.unwrap(wrapped, context));
    try {
      return await this.rows.move(kek, target, await asked(() => after.wrap(key, context)));
    } finally {
      key.fill(0);
    }
  }
}
