import { databaseFault, EventLog, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { RestoreMarkRepository } from './restore-mark.repository.js';

/**
 * Notices that the database was restored, or that a standby took over: what was spent since is forgotten there, so what
 * was issued before that is not run (protocol.md §6). Asked at the start, and by every claim that finds no mark of ours.
 */
@Injectable()
export class RestoreGuard implements OnApplicationBootstrap {
  constructor(
    private readonly marks: RestoreMarkRepository,
    private readonly keys: ServiceKeys,
    private readonly log: EventLog,
  ) {}

  /** A database that does not answer now is looked at by the first claim. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.renew();
    } catch (error) {
      this.log.write({ event: 'probe-failed', probe: 'restore', errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }

  /** Marks a database that does not bear our mark; one that bore another is an error in the log. */
  async renew(): Promise<void> {
    const { org } = this.keys;
    const renewed = await this.marks.renew(org);
    if (renewed?.isNew === false) this.log.write({ event: 'database-replaced', org, notBefore: renewed.notBefore });
  }
}
