import { Chores, Clock, purgeInBatches } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { UsageRepository } from './usage.repository.js';

const INTERVAL_MS = 3_600_000;

/** Forgets usage that was kept long enough, and after it the reports that it came with. */
@Injectable()
export class PastUsage {
  constructor(
    chores: Chores,
    private readonly clock: Clock,
    private readonly usage: UsageRepository,
  ) {
    chores.add({ name: 'purge-usage', everyMs: INTERVAL_MS, run: () => this.purge() });
  }

  async purge(): Promise<void> {
    await purgeInBatches((rows) => this.usage.purgeHours(this.clock, rows));
    await purgeInBatches((rows) => this.usage.purgeReports(this.clock, rows));
  }
}
