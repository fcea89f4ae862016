import type { ServerResponse } from 'node:http';

const LOOKS_PER_TIMEOUT = 4;

/**
 * Cuts clients that stop taking their answer: bytes that waited for them all this time, without ever being gone,
 * will not be taken any more. Node has no such limit, and a stuck answer holds its memory and its place.
 */
export class SlowReaders {
  readonly #timeoutMs: number;
  readonly #open = new Map<ServerResponse, number | undefined>();
  readonly #onCut: () => void;
  readonly #timer: NodeJS.Timeout;

  /** @param onCut told of each that was cut. */
  constructor(timeoutMs: number, onCut: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onCut = onCut;
    this.#timer = setInterval(() => this.#look(), timeoutMs / LOOKS_PER_TIMEOUT).unref();
  }

  /** Watches an answer until its connection is done with it. */
  watch(response: ServerResponse): void {
    this.#open.set(response, undefined);
    response.once('close', () => this.#open.delete(response));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    for (const [response, sinceMs] of this.#open) {
      const isStuck = (response.socket?.writableLength ?? 0) > 0;
      if (!isStuck) this.#open.set(response, undefined);
      else if (sinceMs === undefined) this.#open.set(response, nowMs);
      else if (nowMs - sinceMs >= this.#timeoutMs) this.#cut(response);
    }
  }

  #cut(response: ServerResponse): void {
    this.#open.delete(response);
    this.#onCut();
    response.socket?.destroy();
  }
}
