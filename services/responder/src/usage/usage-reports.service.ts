import type { NewUsage } from '@bulla/contract';
import { targetOf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { Chores, Clock, EventLog, LogEvent, ServiceKeys, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultRefused, VaultRequests } from '../vault/vault-requests.js';
import type { WaitingReport } from './usage.repository.js';
import { UsageRepository } from './usage.repository.js';

const PUT_OFF = new LogEvent<{ code: string }>('usage-report-put-off', 'warn');
const DROPPED = new LogEvent<{ reports: number }>('usage-reports-dropped', 'error');

const REPORT_EVERY_MS = 10_000;
/** Reports that one pass makes at most. */
const REPORTS_MAX = 200;

/**
 * Tells the vault what runs took. A report is written down before it is sent, and forgotten when the vault has said that it
 * has it: where a process ends between the two, the same report is sent again, and the vault knows it by its id.
 */
@Injectable()
export class UsageReportsService {
  constructor(
    chores: Chores,
    private readonly usage: UsageRepository,
    private readonly vault: VaultRequests,
    private readonly trusted: TrustSource,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
    private readonly log: EventLog,
  ) {
    chores.add({ name: 'report-usage', everyMs: REPORT_EVERY_MS, run: () => this.report() });
  }

  /** Reports what there is to report, as far as the vault takes it. */
  async report(): Promise<void> {
    const { org } = this.keys;
    for (let made = 0; made < REPORTS_MAX; made++) if (!(await this.usage.gather(org))) break;
    const trust = await this.trusted.trustOf(org);
    if (trust !== undefined) await this.#sendAll(trust);
    const dropped = await this.usage.purge(org, this.clock);
    if (dropped > 0) this.log.write(DROPPED, { reports: dropped });
  }

  /** One that the vault refuses stays, and keeps no other from being sent. */
  async #sendAll(trust: Trust): Promise<void> {
    for (let after = ''; ; ) {
      const reports = await this.usage.waiting(this.keys.org, after);
      for (const report of reports) {
        const code = await this.#send(trust, report);
        if (code !== undefined) this.log.write(PUT_OFF, { code });
        if (code !== undefined && code !== 'refused') return;
      }
      const last = reports.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  /** @returns why the vault may not have it */
  async #send(trust: Trust, { id, counts }: WaitingReport): Promise<VaultRefused['code'] | undefined> {
    const body: NewUsage = { report: id, counts: [...counts] };
    try {
      // guard: usage-delivered without:
      //   void this.vault.ask('usage.report', trust, { path: targetOf('usage.report', undefined), body }).catch(() => {});
      await this.vault.ask('usage.report', trust, { path: targetOf('usage.report', undefined), body });
    } catch (error) {
      if (error instanceof VaultRefused) return error.code;
      throw error;
    }
    await this.usage.delivered(this.keys.org, id);
    return undefined;
  }
}
