import { Clock, purgeInBatches } from '@bulla/service-kit';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { EnvelopesRepository } from './envelopes.repository.js';

/** How long one may ask what became of an envelope; the audit log knows it for ever. */
const KEEP_SECONDS = 86_400;
const INTERVAL_MS = 60_000;

/** Forgets envelopes that ended long ago, so that their table does not grow for ever. */
@Injectable()
export class ExpiredEnvelopes implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly envelopes: EnvelopesRepository,
  ) {}

  onModuleInit(): void {
    // What fails now is done the next time.
    this.timer = setInterval(() => void this.purge().catch(() => 0), INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Returns how many were forgotten. */
  purge(): Promise<number> {
    const endedBefore = new Date((this.clock.now() - KEEP_SECONDS) * 1000);
    return purgeInBatches((rows) => this.envelopes.purge(endedBefore, rows));
  }
}
