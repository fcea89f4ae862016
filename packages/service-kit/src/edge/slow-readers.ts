import type { ServerResponse } from 'node:http';

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

/** An answer that was handed to its connection as a whole. */
interface Sent {
  readonly bytes: number;
  readonly isOfCaller: boolean;
}

/**
 * Cuts clients that do not take their answers. Bytes that waited for them all this time, without ever being gone, will
 * not be taken any more; and where all that wait are more than may, those go that wait the longest, strangers first.
 * Node has no such limits, and a stuck answer holds its memory.
 */
export class SlowReaders {
  readonly #options: SlowReadersOptions;
  readonly #open = new Map<ServerResponse, Waiting | undefined>();
  /** In the order in which they were sent. */
  readonly #sent = new Map<ServerResponse, Sent>();
  readonly #timer: NodeJS.Timeout;
  #sentBytes = 0;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), options.timeoutMs / LOOKS_PER_TIMEOUT).unref();
  }

  /** Bytes that connections keep because their readers have not taken them. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const response of this.#open.keys()) bytes += unsentOf(response);
    return bytes;
  }

  /** Watches an answer until its connection is done with it. */
  watch(response: ServerResponse): void {
    this.#open.set(response, undefined);
    response.once('close', () => this.#forget(response));
  }

  /**
   * Makes room for a whole answer that is about to be handed to its connection.
   * @param bytes of its body.
   * @param isOfCaller whether it is for somebody whose signature was verified.
   */
  send(response: ServerResponse, bytes: number, isOfCaller: boolean): void {
    if (!this.#open.has(response)) return;
    this.#sent.set(response, { bytes, isOfCaller });
    this.#sentBytes += bytes;
    // guard: unsent-bytes
    this.#makeRoom();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #makeRoom(): void {
    const { unsentBytesMax } = this.#options;
    if (this.#sentBytes <= unsentBytesMax) return;
    const waiting = [...this.#sent].filter(([response]) => unsentOf(response) > 0);
    const ofCallers = waiting.filter(([, { isOfCaller }]) => isOfCaller);
    const ofStrangers = waiting.filter(([, { isOfCaller }]) => !isOfCaller);
    // guard: unsent-strangers-first without: const inOrder = [...ofCallers, ...ofStrangers];
    const inOrder = [...ofStrangers, ...ofCallers];
    for (const [response] of inOrder) {
      if (this.#sentBytes <= unsentBytesMax) return;
      this.#cut(response, 'unsent_bytes');
    }
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [response, waiting] of this.#open) {
      const unsent = unsentOf(response);
      const written = response.socket?.bytesWritten ?? 0;
      // A stream may have other bytes waiting at every look: those of the last look are what matters.
      // guard: slow-reader-moves without: const isGone = waiting === undefined || unsent === 0;
      const isGone = waiting === undefined || written - unsent >= waiting.goneAt;
      if (isGone) this.#open.set(response, unsent === 0 ? undefined : { sinceMs: nowMs, goneAt: written });
      // guard: slow-reader
      else if (nowMs - waiting.sinceMs >= this.#options.timeoutMs) this.#cut(response, 'slow_reader');
    }
  }

  #cut(response: ServerResponse, why: Cut): void {
    this.#forget(response);
    this.#options.onCut(why);
    response.socket?.destroy();
  }

  #forget(response: ServerResponse): void {
    this.#open.delete(response);
    this.#sentBytes -= this.#sent.get(response)?.bytes ?? 0;
    this.#sent.delete(response);
  }
}

/** What the kernel has not taken of an answer. */
function unsentOf({ socket }: ServerResponse): number {
  return socket?.writableLength ?? 0;
}
