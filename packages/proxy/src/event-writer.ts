import type { EventEmitter } from 'node:events';

/** So many characters are written at once, without waiting for what else comes in the same turn. */
const GATHERED_MAX = 64 * 1024;
/** A comment of server-sent events: apps skip it, and no time-out on the way counts the silence. */
const PING = ': ping\n\n';

/** What of a response of `node:http` is used. */
export interface EventSink extends Pick<EventEmitter, 'on' | 'off'> {
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
  end(): unknown;
}

/**
 * Writes events of a stream. What comes in one turn of the event loop leaves in one write, and nothing is taken while the
 * app does not read: memory holds one gathered piece.
 */
export class EventWriter {
  readonly #response: EventSink;
  #gathered = '';
  #isScheduled = false;
  #lastMs = performance.now();
  /** Settles when the app has read what was written, or has left. */
  #drained: Promise<void> | undefined;

  constructor(response: EventSink) {
    this.#response = response;
  }

  /**
   * Takes whole events.
   * @returns what to wait for before more is taken; undefined, mostly, where more may come at once
   */
  add(events: string): Promise<void> | undefined {
    this.#gathered += events;
    if (this.#gathered.length >= GATHERED_MAX) this.#flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flush);
    }
    // guard: proxy-slow-reader without: return undefined;
    return this.#drained;
  }

  /** Says that the stream still lives, where nothing was written for a while and the app reads. */
  ping(nowMs: number, everyMs: number): void {
    // A reader that stopped would be written to without end.
    // guard: proxy-ping-read
    if (this.#response.writableNeedDrain) return;
    if (this.#gathered === '' && nowMs - this.#lastMs >= everyMs) {
      this.#gathered = PING;
      this.#flush();
    }
  }

  /** Writes what was gathered, and ends. */
  end(): void {
    this.#flush();
    this.#response.end();
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.#gathered === '' || this.#response.destroyed) return;
    const text = this.#gathered;
    this.#gathered = '';
    this.#lastMs = performance.now();
    if (!this.#response.write(text)) this.#drained ??= this.#untilDrained();
  };

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        this.#drained = undefined;
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }
}
