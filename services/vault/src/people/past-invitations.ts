import { Chores, Clock, purgeInBatches } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import { InvitationsRepository } from './invitations.repository.js';

const DAY_MS = 86_400_000;
/** How long one can see that an invitation expired unused. */
const UNUSED_MS = DAY_MS;
/** How long a device waits to be approved, and may ask what became of it; the audit log knows it for ever. */
const TAKEN_MS = 30 * DAY_MS;
const INTERVAL_MS = 60_000;

/** Forgets invitations that are past, and the requests of devices that took them. */
@Injectable()
export class PastInvitations {
  constructor(
    chores: Chores,
    private readonly clock: Clock,
    private readonly invitations: InvitationsRepository,
  ) {
    chores.add({ name: 'purge-invitations', everyMs: INTERVAL_MS, run: () => this.purge() });
  }

  /** Returns how many were forgotten. */
  purge(): Promise<number> {
    const nowMs = this.clock.nowMs();
    const [unused, taken] = [new Date(nowMs - UNUSED_MS), new Date(nowMs - TAKEN_MS)];
    return purgeInBatches((rows) => this.invitations.purge(unused, taken, rows));
  }
}
