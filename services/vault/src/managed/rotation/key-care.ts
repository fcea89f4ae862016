import { AuditOutbox, auditOfService, brokenConstraint, Chores, Clock, Metrics } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultDatabase } from '../../database/vault-database.js';
import { JobsRepository } from '../jobs/jobs.repository.js';
import { KeksRepository } from '../keyring/keks.repository.js';
import { RootKeys } from '../root-key/root-keys.js';
import { KekRewrapRepository } from './kek-rewrap.repository.js';
import { KEK_USES_DUE, KeyTimes } from './key-times.js';

const EVERY_MS = 60_000;
const HOLD_MS = 5_000;
const MEASURE_MS = 15_000;

/** What becomes of keys at rest without anybody asking: they are replaced in time, and destroyed when nothing needs them. */
@Injectable()
export class KeyCare {
  private readonly ages;
  private readonly pending;

  constructor(
    private readonly database: VaultDatabase,
    private readonly roots: RootKeys,
    private readonly keks: KeksRepository,
    private readonly rows: KekRewrapRepository,
    private readonly jobs: JobsRepository,
    private readonly times: KeyTimes,
    private readonly clock: Clock,
    private readonly outbox: AuditOutbox,
    chores: Chores,
    metrics: Metrics,
  ) {
    this.ages = metrics.gauge('bulla_keys_age_seconds', 'How long the oldest active key has been active', ['kind']);
    this.pending = metrics.gauge('bulla_rewrap_pending', 'Data keys that are not under the active key', []);
    if (!roots.any) return;
    chores.add({ name: 'hold-root-keys', everyMs: HOLD_MS, inEachProcess: true, run: () => roots.refresh() });
    chores.add({ name: 'measure-keys', everyMs: MEASURE_MS, inEachProcess: true, run: () => this.measure() });
    chores.add({ name: 'care-for-keys', everyMs: EVERY_MS, run: () => this.care() });
  }

  /** Begins what is due, and destroys what no data key and no backup needs any more. */
  async care(): Promise<void> {
    const nowMs = this.clock.nowMs();
    for (const { org } of await this.keks.due(this.times.dueBefore(nowMs), KEK_USES_DUE)) await this.begin(org, nowMs);
    await this.keks.noteEmpty();
    for (const { org, version } of await this.keks.emptySince(this.times.destroyableBefore(nowMs)))
      await this.destroy(org, version, nowMs);
  }

  async measure(): Promise<void> {
    const nowMs = this.clock.nowMs();
    const root = (await this.roots.repository.known()).find(({ state }) => state === 'active')?.activated_at;
    const kek = await this.keks.oldestActive();
    for (const [kind, since] of [
      ['root', root],
      ['kek', kek],
    ] as const)
      if (since) this.ages.set({ kind }, Math.max(0, (nowMs - since.getTime()) / 1_000));
    this.pending.set(await this.rows.pendingOfAll());
  }

  private async begin(org: string, nowMs: number): Promise<void> {
    await this.database.db.transaction().execute(async (trx) => {
      const job = await this.jobs.begin(trx, { org, what: 'kek', total: await this.rows.all(org, trx) });
      if (!job.isNew) return;
      const event = auditOfService(org, { act: 'key.rotate', obj: { job: job.id, what: 'kek' } }, nowMs);
      await this.outbox.write(trx, { org, event, evidence: null });
    });
  }

  private async destroy(org: string, version: number, nowMs: number): Promise<void> {
    try {
      await this.keks.destroy(org, version, nowMs);
    } catch (error) {
      // A data key came under it after it was found empty, as one that is put back does.
      if (brokenConstraint(error) !== 'kek_states') throw error;
    }
  }
}
