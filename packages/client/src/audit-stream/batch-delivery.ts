import { backoffMs, pause } from '../connection/backoff.js';
import { transportFailed } from '../connection/errors.js';
import { batchesOf } from './stream-batches.js';
import type { Delivery, StreamSink } from './stream-sink.js';
import type { StreamedEntry } from './streamed-entry.js';

/** The first wait after a sink did not take a batch, and the longest. */
const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
/** Longest wait that a sink can ask for. */
const RETRY_AFTER_MAX_MS = 300_000;
/** How often a sink that takes nothing is tried by a stream that is to come to an end by itself. */
const ONCE_TRIES = 5;

/** How a delivery ended: all of it is done, the connection ended, or the stream is to end before it was done. */
export type DeliveryEnd = { readonly kind: 'done' | 'stopped' } | Extract<Delivery, { kind: 'ended' }>;

export interface DeliveryParts {
  readonly sink: StreamSink;
  readonly signal: AbortSignal;
  /** Whether a sink that stays away is given up. */
  readonly once: boolean;
  /** Milliseconds, monotonic. */
  readonly nowMs?: (() => number) | undefined;
  /** Waits; the signal ends it early. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** The sink has these, or they are dead letters: in order. */
  readonly onDone: (part: readonly StreamedEntry[]) => Promise<void>;
  /** The sink will never have this one. */
  readonly onRefused: (entry: StreamedEntry, reason: string) => Promise<void>;
  /** Told before each wait. */
  readonly onAway: (
    waiting: readonly StreamedEntry[],
    about: { reason: string; awayMs: number; retryMs: number },
  ) => Promise<void>;
  readonly onBack: (awayMs: number) => void;
}

/** Delivers batches to a sink until it has them, and finds the entries that it refuses. */
export class BatchDelivery {
  readonly #parts: DeliveryParts;
  readonly #nowMs: () => number;
  #awaySinceMs: number | undefined;
  /** Tries that failed since the sink took something last. */
  #failures = 0;
  /** Less than the sink's own once it has called a batch too large. */
  #bytesMax: number;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
    this.#bytesMax = parts.sink.bytesMax;
  }

  /**
   * Sends entries, batch after batch, each until the sink has it. A batch that the sink refuses is halved, down to the
   * entry that it refuses.
   * @throws {BullaError} transport_failed if a stream that is to end by itself gives the sink up
   */
  async deliver(entries: readonly StreamedEntry[]): Promise<DeliveryEnd> {
    const { countMax, sizeOf } = this.#parts.sink;
    for (const batch of batchesOf(entries, { countMax, bytesMax: this.#bytesMax, sizeOf })) {
      if (this.#parts.signal.aborted) return { kind: 'stopped' };
      const end = await this.#send(batch);
      if (end.kind !== 'done') return end;
    }
    return { kind: 'done' };
  }

  async #send(batch: readonly StreamedEntry[]): Promise<DeliveryEnd> {
    for (;;) {
      const outcome = await this.#parts.sink.deliver(batch);
      if (outcome.kind === 'away' || outcome.kind === 'ended') {
        if (!(await this.#waitFor(batch, outcome))) return { kind: 'stopped' };
        if (outcome.kind === 'ended') return outcome;
        continue;
      }
      this.#isBack();
      if (outcome.kind === 'taken') {
        await this.#parts.onDone(batch);
        return { kind: 'done' };
      }
      return this.#refused(batch, outcome);
    }
  }

  async #refused(
    batch: readonly StreamedEntry[],
    { reason, tooLarge }: Extract<Delivery, { kind: 'refused' }>,
  ): Promise<DeliveryEnd> {
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      await this.#parts.onRefused(first, reason);
      await this.#parts.onDone(batch);
      return { kind: 'done' };
    }
    if (tooLarge) this.#bytesMax = Math.max(1, Math.floor(this.#bytesMax / 2));
    const half = Math.ceil(batch.length / 2);
    for (const part of [batch.slice(0, half), batch.slice(half)]) {
      if (this.#parts.signal.aborted) return { kind: 'stopped' };
      const end = await this.#send(part);
      if (end.kind !== 'done') return end;
    }
    return { kind: 'done' };
  }

  /** @returns whether to try again */
  async #waitFor(
    batch: readonly StreamedEntry[],
    { reason, retryAfterMs = 0 }: Pick<Extract<Delivery, { kind: 'away' }>, 'reason' | 'retryAfterMs'>,
  ): Promise<boolean> {
    const { signal, once, onAway, wait = waitFor } = this.#parts;
    if (signal.aborted) return false;
    this.#awaySinceMs ??= this.#nowMs();
    this.#failures++;
    // guard: stream-once-gives-up without: void ONCE_TRIES;
    if (once && this.#failures >= ONCE_TRIES)
      throw transportFailed(`the sink took nothing in ${ONCE_TRIES} tries: ${reason}`, { check: 'sink' });
    const retryMs = Math.max(backoffMs(this.#failures - 1, BACKOFF), Math.min(retryAfterMs, RETRY_AFTER_MAX_MS));
    await onAway(batch, { reason, awayMs: this.#nowMs() - this.#awaySinceMs, retryMs });
    await wait(retryMs, signal);
    return !signal.aborted;
  }

  #isBack(): void {
    if (this.#awaySinceMs !== undefined) this.#parts.onBack(this.#nowMs() - this.#awaySinceMs);
    [this.#awaySinceMs, this.#failures] = [undefined, 0];
  }
}

/** Waits; ends early, and well, when the signal comes. */
export async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
