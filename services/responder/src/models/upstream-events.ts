import { createParser } from 'eventsource-parser';
import { brokenAnswer } from './model-error.js';
import type { UpstreamBody } from './upstream-body.js';
import type { ModelTimeouts } from './upstream-watch.js';

/**
 * Event stream to data, piece by piece. Stricter than the standard, which skips what it does not know: a line that is
 * no field may be one that lost its beginning, and an answer with a hole must not look whole.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export class UpstreamEvents {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #sizeMax: number;
  readonly #parser;
  #data: string[] = [];
  #line: string[] = [];
  #lineSize = 0;
  #broken = false;

  /** @param sizeMax the longest line and the longest event, in UTF-16 units. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
    this.#parser = createParser({
      onEvent: ({ data }) => this.#data.push(data),
      onError: () => {
        this.#broken = true;
      },
      maxBufferSize: sizeMax,
    });
  }

  /** The data of every event that this piece completes. @throws {ModelError} upstream_unavailable */
  push(bytes: Uint8Array): string[] {
    const text = this.#decode(bytes);
    const firstEnd = text.indexOf('\n');
    const lastEnd = text.lastIndexOf('\n');
    this.#grow(firstEnd === -1 ? text.length : firstEnd);
    this.#line.push(text.slice(0, lastEnd + 1));
    if (lastEnd !== -1) {
      // Whole lines only: the parser skips the rest of a broken line that comes in two pieces without a word.
      this.#parser.feed(this.#line.join(''));
      this.#line = [];
      this.#lineSize = 0;
      this.#grow(text.length - lastEnd - 1);
    }
    this.#line.push(text.slice(lastEnd + 1));
    if (this.#broken || this.#data.some((data) => data.length > this.#sizeMax)) {
      throw brokenAnswer('it is no event stream, or an event is too long');
    }
    const data = this.#data;
    this.#data = [];
    return data;
  }

  #grow(size: number): void {
    this.#lineSize += size;
    if (this.#lineSize > this.#sizeMax) throw brokenAnswer('a line is too long');
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw brokenAnswer('it is not UTF-8');
    }
  }
}

/** The data of all events of a body, of each piece of it that ends one. @param sizeMax as of {@link UpstreamEvents} */
export async function* eventsOf(
  body: UpstreamBody,
  { firstByteMs, idleMs }: ModelTimeouts,
  sizeMax: number,
): AsyncGenerator<readonly string[]> {
  const events = new UpstreamEvents(sizeMax);
  let bytes = await body.read(firstByteMs, 'no answer began');
  while (bytes !== undefined) {
    const data = events.push(bytes);
    bytes.fill(0);
    if (data.length > 0) yield data;
    bytes = await body.read(idleMs, 'it stopped in the middle');
  }
}
