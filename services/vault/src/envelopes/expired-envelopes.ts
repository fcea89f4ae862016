import { Chores, Clock, purgeInBatches } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { GrantsService } from '../grants/grants.service.js';
import { EnvelopesRepository } from './envelopes.repository.js';
import { HeldChatEnvelopesRepository } from './held-chat-envelopes.repository.js';

/** How long one may ask what became of an envelope; the audit log knows it for ever. */
const KEEP_SECONDS = 86_400;
const INTERVAL_MS = 60_000;

/** Forgets envelopes that ended long ago, and grants that only they needed, so that their tables do not grow for ever. */
@Injectable()
export class ExpiredEnvelopes {
  constructor(
    chores: Chores,
    private readonly clock: Clock,
    private readonly envelopes: EnvelopesRepository,
    private readonly grants: GrantsService,
    private readonly held: HeldChatEnvelopesRepository,
  ) {
    chores.add({ name: 'purge-envelopes', everyMs: INTERVAL_MS, run: () => this.purge() });
    chores.add({ name: 'purge-retired-grants', everyMs: INTERVAL_MS, run: () => this.purgeGrants() });
  }

  /** Returns how many were forgotten, with the devices that have none. */
  async purge(): Promise<number> {
    const endedBefore = new Date((this.clock.now() - KEEP_SECONDS) * 1000);
    const devices = await purgeInBatches((rows) => this.held.purge(endedBefore, rows));
    return devices + (await purgeInBatches((rows) => this.envelopes.purge(endedBefore, rows)));
  }

  /** Forgets what was kept of grants for envelopes that have ended, and for recipients that say nothing. Returns how many. */
  async purgeGrants(): Promise<number> {
    const posters = await purgeInBatches((rows) => this.grants.purgeDeleted(rows));
    return posters + (await purgeInBatches((rows) => this.grants.purgeRetired(rows)));
  }
}
