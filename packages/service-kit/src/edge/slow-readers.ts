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
  readonly #open = new Map<ServerResponse, number | undefined>();
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
    for (const [response, sinceMs] of this.#open) {
      const isStuck = unsentOf(response) > 0;
      if (!isStuck) this.#open.set(response, undefined);
      else if (sinceMs === undefined) this.#open.set(response, nowMs);
      // guard: slow-reader
      else if (nowMs - sinceMs >= this.#options.timeoutMs) this.#cut(response, 'slow_reader');
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
