import type { ServerResponse } from 'node:http';
import { Roll } from '../process/roll.js';

const LOOKS_PER_TIMEOUT = 4;

/** Why a reader was cut: it took nothing for too long, or others need the room that its answer takes. */
export type Cut = 'slow_reader' | 'unsent_bytes';

export interface SlowReadersOptions {
  /** How long bytes may wait, without ever being gone. */
  readonly timeoutMs: number;
  /** Of all whole answers that wait for their readers; a stream is made no faster than it is read. */
  readonly unsentBytesMax: number;
  /** Told of each that was cut. */
  readonly onCut: (why: Cut) => void;
}

/** Bytes that wait for their reader. */
interface Waiting {
  readonly sinceMs: number;
  /** How many the connection has taken when the last of them is gone. */
  readonly goneAt: number;
}

/** An answer whose reader is watched. */
export interface WatchedAnswer {
  /**
   * Makes room for a whole answer that is about to be handed to its connection.
   * @param bytes of its body.
   * @param isOfCaller whether it is for somebody whose signature was verified.
   */
  send(bytes: number, isOfCaller: boolean): void;
}

interface Watched {
  readonly response: ServerResponse;
  /** Of the last look. */
  waiting?: Waiting | undefined;
  isOver: boolean;
  leave: () => void;
  /** What was handed to its connection as a whole. */
  sent?: { readonly bytes: number; readonly isOfCaller: boolean; readonly leave: () => void };
}

/**
 * Cuts clients that do not take their answers. Bytes that waited for them all this time, without ever being gone, will
 * not be taken any more; and where all that wait are more than may, those go that wait the longest, strangers first.
 * Node has no such limits, and a stuck answer holds its memory.
 */
export class SlowReaders {
  readonly #options: SlowReadersOptions;
  readonly #open = new Roll<Watched>();
  /** In the order in which they were sent. */
  readonly #sent = new Roll<Watched>();
  readonly #timer: NodeJS.Timeout;
  #sentBytes = 0;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.timeoutMs / LOOKS_PER_TIMEOUT).unref();
  }

  /** Bytes that connections keep because their readers have not taken them. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const { response } of this.#open) bytes += unsentOf(response);
    return bytes;
  }

  /** Watches an answer until its connection is done with it. */
  watch(response: ServerResponse): WatchedAnswer {
    const watched: Watched = { response, isOver: false, leave: () => {} };
    watched.leave = this.#open.join(watched);
    response.once('close', () => this.#forget(watched));
    return { send: (bytes, isOfCaller) => this.#send(watched, bytes, isOfCaller) };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #send(watched: Watched, bytes: number, isOfCaller: boolean): void {
    if (watched.isOver) return;
    // One that could not be handed over is followed by another that says so.
    // guard: unsent-once
    this.#takeBack(watched);
    watched.sent = { bytes, isOfCaller, leave: this.#sent.join(watched) };
    this.#sentBytes += bytes;
    // guard: unsent-bytes
    this.#makeRoom();
  }

  #makeRoom(): void {
    const { unsentBytesMax } = this.#options;
    if (this.#sentBytes <= unsentBytesMax) return;
    const waiting = [...this.#sent].filter(({ response }) => unsentOf(response) > 0);
    const ofCallers = waiting.filter(({ sent }) => sent?.isOfCaller === true);
    const ofStrangers = waiting.filter(({ sent }) => sent?.isOfCaller !== true);
    // guard: unsent-strangers-first without: const inOrder = [...ofCallers, ...ofStrangers];
    const inOrder = [...ofStrangers, ...ofCallers];
    for (const watched of inOrder) {
      if (this.#sentBytes <= unsentBytesMax) return;
      this.#cut(watched, 'unsent_bytes');
    }
  }

  #look(): void {
    const nowMs = performance.now();
    for (const watched of this.#open) {
      const { response, waiting } = watched;
      const unsent = unsentOf(response);
      const written = response.socket?.bytesWritten ?? 0;
      // A stream may have other bytes waiting at every look: those of the last look are what matters.
      // guard: slow-reader-moves without: const isGone = waiting === undefined || unsent === 0;
      const isGone = waiting === undefined || written - unsent >= waiting.goneAt;
      if (isGone) watched.waiting = unsent === 0 ? undefined : { sinceMs: nowMs, goneAt: written };
      // guard: slow-reader
      else if (nowMs - waiting.sinceMs >= this.#options.timeoutMs) this.#cut(watched, 'slow_reader');
    }
  }

  #cut(watched: Watched, why: Cut): void {
    this.#forget(watched);
    this.#options.onCut(why);
    watched.response.socket?.destroy();
  }

  #forget(watched: Watched): void {
    if (watched.isOver) return;
    watched.isOver = true;
    watched.leave();
    this.#takeBack(watched);
  }

  #takeBack({ sent }: Watched): void {
    sent?.leave();
    this.#sentBytes -= sent?.bytes ?? 0;
  }
}

/** What the kernel has not taken of an answer. */
function unsentOf({ socket }: ServerResponse): number {
  return socket?.writableLength ?? 0;
}
