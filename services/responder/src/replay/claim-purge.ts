import { Clock, databaseFault, EventLog, ServiceKeys } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { ClaimsRepository } from './claims.repository.js';

const INTERVAL_MS = 60_000;

/** Forgets sealed replies after a quarter of an hour, and questions and uses of envelopes after a day. */
@Injectable()
export class ClaimPurge implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly claims: ClaimsRepository,
    private readonly keys: ServiceKeys,
    private readonly clock: Clock,
    private readonly log: EventLog,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.purge(), INTERVAL_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: it is a timer's. */
  async purge(): Promise<void> {
    try {
      await this.claims.purge(this.keys.org, this.clock);
    } catch (error) {
      this.log.write({ event: 'purge-failed', errorCode: databaseFault(error)?.code ?? 'unknown' });
    }
  }
}
