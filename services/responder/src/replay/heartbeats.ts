import { Roll } from '@bulla/service-kit';
import { Injectable } from '@nestjs/common';
import type { Held } from './claims.repository.js';
import { HeartbeatsRepository } from './heartbeats.repository.js';

/** A third of the lease: two beats may be lost. */
export const BEAT_MS = 20_000;

/** After a beat that the database did not answer: all runs would lose their claims together. */
export const AGAIN_MS = 5_000;

/** A hold on a question that is to be kept alive. */
export interface Kept {
  readonly held: Held;
  /** @param askedMs by `performance.now()`: when the statement was sent that found the claim to be ours. */
  shown(askedMs: number): void;
  /** Told that another worker, or none, has the claim. */
  lose(): void;
  /** Asks for this one alone, and waits for its row. */
  beat(): Promise<unknown>;
}

/** The signs of life of all runs of this process: one statement for all of them, however many there are. */
@Injectable()
export class Heartbeats {
  readonly #claims: Pick<HeartbeatsRepository, 'beat'>;
  readonly #kept = new Roll<{ readonly lease: Kept; isHere: boolean }>();
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(claims: HeartbeatsRepository) {
    this.#claims = claims;
  }

  /**
   * From now on this one beats with the others, for the first time within twenty seconds.
   * @returns how it stops; calling it twice does no harm
   */
  add(lease: Kept): () => void {
    const entry = { lease, isHere: true };
    const leave = this.#kept.join(entry);
    this.#timer ??= setInterval(() => void this.beat(), BEAT_MS).unref();
    return () => {
      entry.isHere = false;
      leave();
      if (this.#kept.size > 0) return;
      clearInterval(this.#timer);
      clearTimeout(this.#again);
      this.#timer = undefined;
    };
  }

  /** Never rejects: a database that does not answer loses nothing yet, and is asked again soon. */
  async beat(): Promise<void> {
    clearTimeout(this.#again);
    const all = [...this.#kept];
    const askedMs = performance.now();
    const signs = await this.#claims.beat(all.map(({ lease }) => lease.held)).catch(() => undefined);
    if (signs === undefined) {
      if (this.#kept.size > 0) this.#again = setTimeout(() => void this.beat(), AGAIN_MS).unref();
      return;
    }
    const locked: Kept[] = [];
    for (const [index, { lease, isHere }] of all.entries()) {
      const sign = signs[index];
      // One that ended meanwhile is not lost: its own end says how that went.
      // guard: heartbeats-ended
      if (!isHere) continue;
      if (sign === 'shown') lease.shown(askedMs);
      else if (sign === 'lost') lease.lose();
      else locked.push(lease);
    }
    await Promise.all(locked.map((lease) => lease.beat()));
  }
}
