import type { DestinationStream } from 'pino';

/** How long lines wait for each other. */
const GATHER_MS = 20;

/**
 * A line at once where none was written a moment ago, and those that follow together: each call of the system takes
 * longer than making its line. A process that ends by itself writes what it holds; one that is killed loses the lines of its
 * last 20 milliseconds.
 */
export class GatheredLines implements DestinationStream {
  readonly #stream: DestinationStream;
  #timer: NodeJS.Timeout | undefined;
  #lines = '';

  constructor(stream: DestinationStream) {
    this.#stream = stream;
  }

  write(line: string): void {
    if (this.#timer !== undefined) {
      this.#lines += line;
      return;
    }
    this.#begin();
    this.#stream.write(line);
  }

  /** Writes what waits. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#stream.write(lines);
  }

  #begin(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#lines !== '') this.#begin();
      this.flush();
    }, GATHER_MS).unref();
  }
}
