import type { NewUsage } from '@bulla/contract';
import { targetOf } from '@bulla/contract';
import type { Trust } from '@bulla/crypto';
import { Chores, Clock, EventLog, LogEvent, ServiceKeys, TrustSource } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { VaultRefused, VaultRequests } from '../vault/vault-requests.js';
import type { WaitingReport } from './usage.repository.js';
import { UsageRepository } from './usage.repository.js';

const PUT_OFF = new LogEvent<{ code: string }>('usage-report-put-off', 'warn');
const DROPPED = new LogEvent<{ count: number }>('usage-dropped', 'error');

const REPORT_EVERY_MS = 10_000;
const PURGE_EVERY_MS = 3_600_000;
/** While so many reports wait, what ends meanwhile stays where it is: later it fits into fewer reports. */
const WAITING_MAX = 10;
/** One pass makes ten times as many reports as wait at most. */
const ROUNDS_MAX = 10;
/** What the vault has refused is sent again after this time: it may be that its clock was wrong, or its version. */
const REFUSED_AGAIN_MS = 600_000;

/**
 * Tells the vault what runs took. A report is written down before it is sent, and forgotten when the vault has said that it
 * has it: where a process ends between the two, the same report is sent again, and the vault knows it by its id.
 */
@Injectable()
export class UsageReportsService {
  /** By id of a report, until when it is left alone. */
  readonly #refused = new Map<string, number>();

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
    chores.add({ name: 'purge-usage', everyMs: PURGE_EVERY_MS, run: () => this.purge() });
  }

  /** Reports what there is to report, as far as the vault takes it. */
  async report(): Promise<void> {
    const { org } = this.keys;
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds++) {
      const isMore = await this.#gather(org);
      const trust = await this.trusted.trustOf(org);
      if (trust === undefined || !(await this.#sendAll(trust)) || !isMore) return;
    }
  }

  /** Forgets what the vault was not told of for a month. */
  async purge(): Promise<void> {
    const dropped = await this.usage.purge(this.keys.org, this.clock);
    if (dropped > 0) this.log.write(DROPPED, { count: dropped });
  }

  /** @returns whether there may be more to gather */
  async #gather(org: string): Promise<boolean> {
    for (let waiting = await this.usage.countWaiting(org); waiting < WAITING_MAX; waiting++)
      if (!(await this.usage.gather(org))) return false;
    return true;
  }

  /**
   * Sends all that wait. One that the vault refuses keeps no other from being sent.
   * @returns whether the vault has them all
   */
  async #sendAll(trust: Trust): Promise<boolean> {
    const now = this.clock.monotonicMs();
    for (const [id, untilMs] of this.#refused) if (untilMs <= now) this.#refused.delete(id);
    const waiting = await this.usage.waiting(this.keys.org);
    for (const report of waiting.filter(({ id }) => !this.#refused.has(id))) {
      const code = await this.#send(trust, report);
      if (code === undefined) continue;
      this.log.write(PUT_OFF, { code });
      if (code !== 'refused') return false;
      this.#refused.set(report.id, now + REFUSED_AGAIN_MS);
    }
    return this.#refused.size === 0;
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
