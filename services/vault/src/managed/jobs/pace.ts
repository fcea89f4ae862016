import { setTimeout as pause } from 'node:timers/promises';
import { Clock, InFlight } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';

/** As many requests in a second come from people who watch. */
const QUIET_PER_SECOND = 10;
/** While others are served, work takes this part of the time. */
const BUSY_PART = 0.1;
const PAUSE_MAX_MS = 1_000;

/** Work that nobody waits for steps back where requests come: it pauses for nine times as long as it takes. */
@Injectable()
export class Pace {
  private lookedMs: number;
  private begun: number;

  constructor(
    private readonly clock: Clock,
    private readonly inFlight: InFlight,
  ) {
    this.lookedMs = clock.monotonicMs();
    this.begun = inFlight.begun;
  }

  /** Does a step, and waits as long as it has to after it. */
  async keep<Result>(step: () => Promise<Result>): Promise<Result> {
    const startedMs = this.clock.monotonicMs();
    const result = await step();
    const tookMs = this.clock.monotonicMs() - startedMs;
    if (this.isBusy()) await pause(Math.min(PAUSE_MAX_MS, tookMs * (1 / BUSY_PART - 1)));
    return result;
  }

  private isBusy(): boolean {
    const nowMs = this.clock.monotonicMs();
    const seconds = Math.max(nowMs - this.lookedMs, 1) / 1_000;
    const came = this.inFlight.begun - this.begun;
    // Too short to say anything: what was seen before counts.
    if (seconds > 0.1) {
      this.lookedMs = nowMs;
      this.begun = this.inFlight.begun;
    }
    return came / seconds > QUIET_PER_SECOND;
  }
}
