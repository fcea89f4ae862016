import { Chores, Clock, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { ClaimsRepository } from './claims.repository.js';

const INTERVAL_MS = 60_000;

/** Forgets sealed replies after a quarter of an hour, and questions and uses of envelopes after a day. */
@Injectable()
export class ClaimPurge {
  constructor(
    chores: Chores,
    private readonly claims: ClaimsRepository,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
  ) {
    chores.add({ name: 'purge-claims', everyMs: INTERVAL_MS, run: () => this.purge() });
  }

  purge(): Promise<void> {
    return this.claims.purge(this.keys.org, this.clock);
  }
}
