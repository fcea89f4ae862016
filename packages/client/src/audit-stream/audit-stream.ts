import { timestampOf } from '@bulla/crypto';
import type { Audit } from '../audit/audit.js';
import { backoffMs } from '../connection/backoff.js';
import { BullaError } from '../connection/errors.js';
import type { DeliveryParts } from './batch-delivery.js';
import { BatchDelivery, waitFor } from './batch-delivery.js';
import type { LogFollower, LogWindow } from './log-follower.js';
import type { LogPlace } from './log-place.js';
import { placeAfter } from './log-place.js';
import type { StreamEvent } from './stream-events.js';
import type { StreamJournal } from './stream-journal.js';
import { StreamPlaces } from './stream-places.js';
import type { StreamSink } from './stream-sink.js';
import type { StreamedEntry } from './streamed-entry.js';

/** How often the services are asked: an entry is signed about a second after the act. */
const POLL_MS = 2_000;
/** The longest wait for a service that does not answer. */
const SERVICE_WAIT_MAX_MS = 60_000;
/** How often it is said how far the stream is. */
const PROGRESS_MS = 60_000;

export interface AuditStreamParts extends Pick<DeliveryParts, 'signal' | 'once' | 'nowMs' | 'wait'> {
  readonly audit: Pick<Audit, 'services' | 'follow'>;
  readonly sink: StreamSink;
  readonly journal: StreamJournal;
  /** Whether a log that has no place yet begins with what comes next, and not with its oldest entry. */
  readonly fromNow: boolean;
  /** Seconds since 1970. */
  readonly now: () => number;
  readonly told: (event: StreamEvent) => void;
}

/**
 * Passes the logs on to a sink: each log in its order, each entry at least once, and only after it was verified. The log
 * is the queue; what is kept is the place in it, and that moves when the sink has what is before it.
 */
export class AuditStream {
  readonly #parts: AuditStreamParts;
  readonly #delivery: BatchDelivery;
  readonly #places: StreamPlaces;
  readonly #followers = new Map<string, LogFollower>();
  readonly #behind = new Map<string, number>();
  /** Tries in a row that a service did not answer. */
  readonly #unreached = new Map<string, number>();
  readonly #nowMs: () => number;
  /** In the log whose entries are being delivered: behind what is done. */
  #at: LogPlace | undefined;
  /** Entries that are done. */
  #sent = 0;
  /** Those of them that the sink refused. */
  #buried = 0;
  #saidMs: number;
  #saidSent = 0;

  constructor(parts: AuditStreamParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
    this.#saidMs = this.#nowMs();
    this.#places = new StreamPlaces(parts.journal, parts.sink.unsureBytes);
    this.#delivery = new BatchDelivery({
      ...parts,
      onDone: (part) => this.#done(part),
      onRefused: (entry, reason) => this.#bury(entry, reason),
      onAway: (waiting, about) => this.#sayAway(waiting, about),
      onBack: (awayMs) => parts.told({ event: 'sink-back', seconds: secondsOf(awayMs) }),
    });
  }

  /**
   * Runs until the signal aborts, after the batch that is under way; with `once` until the end of every log.
   * @throws {VerifyError} log_inconsistent, before anything of that log leaves; {BullaError} with `once` if a service or
   * the sink stays away
   */
  async run(): Promise<void> {
    const { signal, once, told, sink, wait = waitFor } = this.#parts;
    try {
      for (let failed = 0; !signal.aborted; ) {
        const { sent, error } = await this.#round();
        if (once && !sent && error !== undefined) throw error;
        if (once && !sent) break;
        this.#sayProgress();
        failed = error === undefined ? 0 : failed + 1;
        const pauseMs = Math.max(
          POLL_MS,
          failed === 0 ? 0 : backoffMs(failed, { firstMs: POLL_MS, maxMs: SERVICE_WAIT_MAX_MS }),
        );
        if (!sent) await wait(pauseMs, signal);
      }
    } finally {
      if ((await sink.close()) === 'sure') await this.#places.settle();
      told({ event: 'ended', sent: this.#sent - this.#buried, dead_letters: this.#buried });
    }
  }

  /** @returns whether there was something to send, and why a service did not answer, if one did not */
  async #round(): Promise<Round> {
    const round: Round = { sent: false, error: undefined };
    for (const urn of await this.#services(round)) {
      if (this.#parts.signal.aborted) break;
      await this.#lookAtConnection('the sink closed the connection');
      const window = await this.#next(urn, round);
      if (window === undefined) continue;
      round.sent = true;
      await this.#send(urn, window);
    }
    return round;
  }

  async #services(round: Round): Promise<readonly string[]> {
    try {
      return await this.#parts.audit.services();
    } catch (error) {
      round.error = this.#unlessAway('the vault', error);
      return [];
    }
  }

  /** What comes next in the logs of a service; a service that does not answer does not keep the others waiting. */
  async #next(urn: string, round: Round): Promise<LogWindow | undefined> {
    try {
      const follower = this.#followerOf(urn);
      const window = await follower.next(this.#places.of(urn) ?? (await this.#start(follower)));
      if (this.#unreached.delete(urn)) this.#parts.told({ event: 'service-back', service: urn });
      this.#behind.set(urn, window === undefined ? 0 : window.behind + window.entries.length);
      return window;
    } catch (error) {
      round.error = this.#unlessAway(urn, error);
      return undefined;
    }
  }

  /** The place of a log that has none yet. */
  async #start(follower: LogFollower): Promise<LogPlace | undefined> {
    const end = this.#parts.fromNow ? await follower.end() : undefined;
    if (end !== undefined) await this.#places.begin(end);
    return end;
  }

  #followerOf(urn: string): LogFollower {
    const follower = this.#followers.get(urn) ?? this.#parts.audit.follow(urn);
    this.#followers.set(urn, follower);
    return follower;
  }

  async #send(urn: string, { entries, place, behind, lost, pruned }: LogWindow): Promise<void> {
    if (pruned !== undefined) this.#parts.told({ event: 'entries-pruned', ...pruned });
    if (lost !== undefined) this.#parts.told({ event: 'entries-lost', ...lost });
    // The first window of a log that follows another begins where nothing was sent of it.
    if (entries.length === 0) return this.#places.move(place, 0);
    this.#at = place;
    for (const { origin, index, misfit } of entries)
      if (misfit !== undefined) this.#parts.told({ event: 'misfit', origin, index, message: misfit });
    const end = await this.#delivery.deliver(entries);
    if (end.kind === 'done') this.#behind.set(urn, behind);
    if (end.kind === 'ended') await this.#lookAtConnection(end.reason);
  }

  async #done(part: readonly StreamedEntry[]): Promise<void> {
    if (this.#at === undefined) throw new Error('nothing is being sent');
    this.#at = await placeAfter(this.#at, part);
    const bytes = part.reduce((sum, entry) => sum + this.#parts.sink.sizeOf(entry), 0);
    await this.#places.move(this.#at, bytes);
    this.#sent += part.length;
  }

  /** What becomes of what went over a connection that has ended. */
  async #lookAtConnection(reason: string): Promise<void> {
    const end = this.#parts.sink.takeEnd();
    if (end === 'sure') await this.#places.settle();
    if (end !== 'unsure') return;
    const entries = this.#places.rewind();
    if (entries > 0) this.#parts.told({ event: 'sent-again', reason, entries });
  }

  async #bury({ origin, index, leaf }: StreamedEntry, reason: string): Promise<void> {
    const at = timestampOf(this.#parts.now());
    await this.#parts.journal.bury({ v: 1, at, origin, index, reason, leaf });
    this.#buried++;
    this.#parts.told({ event: 'dead-letter', origin, index, reason });
  }

  /** @returns the error of a service that may answer later; any other is thrown */
  #unlessAway(service: string, error: unknown): BullaError {
    // guard: stream-only-away without: if (!(error instanceof BullaError)) throw error;
    if (!(error instanceof BullaError) || !error.retryable) throw error;
    const tries = (this.#unreached.get(service) ?? 0) + 1;
    this.#unreached.set(service, tries);
    if (tries === 1) this.#parts.told({ event: 'service-away', service, message: error.message });
    return error;
  }

  async #sayAway(waiting: readonly StreamedEntry[], { reason, awayMs, retryMs }: Away): Promise<void> {
    const about = { reason, seconds: secondsOf(awayMs), retry_seconds: secondsOf(retryMs) };
    await this.#lookBehind();
    this.#parts.told({ event: 'sink-away', ...about, ...this.#howFar(waiting[0]) });
  }

  /** How far the logs have grown while nothing is read of them. */
  async #lookBehind(): Promise<void> {
    for (const [urn, follower] of this.#followers) {
      const behind = await follower.behind(this.#places.of(urn)).catch(() => undefined);
      if (behind !== undefined) this.#behind.set(urn, behind);
    }
  }

  #sayProgress(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#saidMs < PROGRESS_MS) return;
    if (this.#sent > this.#saidSent)
      this.#parts.told({ event: 'progress', sent: this.#sent - this.#buried, ...this.#howFar() });
    [this.#saidMs, this.#saidSent] = [nowMs, this.#sent];
  }

  #howFar(oldest?: StreamedEntry) {
    const behind = [...this.#behind.values()].reduce((sum, one) => sum + one, 0);
    const since = oldest === undefined ? this.#parts.now() : Date.parse(oldest.entry.t) / 1000;
    return { behind, behind_seconds: Math.max(0, Math.round(this.#parts.now() - since)) };
  }
}

interface Round {
  sent: boolean;
  error: BullaError | undefined;
}

type Away = Parameters<DeliveryParts['onAway']>[1];

function secondsOf(ms: number): number {
  return Math.round(ms / 1000);
}
