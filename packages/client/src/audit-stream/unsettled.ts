import type { LogPlace } from './log-place.js';

/**
 * Places whose entries a sink took and that are not sure yet: where no answer says what has arrived, a place counts once
 * so many bytes more were taken behind it as buffers on the way can hold.
 */
export class Unsettled {
  readonly #unsureBytes: number;
  #waiting: { readonly place: LogPlace; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(unsureBytes: number) {
    this.#unsureBytes = unsureBytes;
  }

  /** @returns the places that are sure now, oldest first */
  add(place: LogPlace, bytes: number): LogPlace[] {
    this.#waiting.push({ place, bytes });
    this.#bytes += bytes;
    const sure: LogPlace[] = [];
    // guard: stream-unsure without: return this.take();
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || this.#bytes - first.bytes < this.#unsureBytes) return sure;
      this.#waiting.shift();
      this.#bytes -= first.bytes;
      sure.push(first.place);
    }
  }

  /** All of them, which are sure now, or lost. */
  take(): LogPlace[] {
    const places = this.#waiting.map(({ place }) => place);
    [this.#waiting, this.#bytes] = [[], 0];
    return places;
  }
}
