import { brokenAnswer } from './model-error.js';
import type { UpstreamWatch } from './upstream-watch.js';

/** How long an answer that is complete may take to end its body, so that the connection can be used again. */
const TAIL_MS = 500;

/** The body of one answer, read piece by piece under its watch and up to a limit. */
export class UpstreamBody {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #watch: UpstreamWatch;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(pieces: AsyncIterable<Uint8Array>, watch: UpstreamWatch, bytesMax: number) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#watch = watch;
    this.#bytesMax = bytesMax;
  }

  /**
   * The next piece, undefined at the end.
   * @throws {ModelError} upstream_timeout; upstream_unavailable when the connection was cut or the limit is passed.
   */
  async read(waitMs: number, what: string): Promise<Uint8Array | undefined> {
    const next = await this.#watch.within(waitMs, what, () => this.#pieces.next().catch(failCut));
    if (next.done === true) return undefined;
    this.#bytes += next.value.length;
    // guard: upstream-bytes
    if (this.#bytes > this.#bytesMax) throw brokenAnswer('it is too long');
    return next.value;
  }

  /** For an answer that is complete: waits in the background for its end, then ends the watch in any case. */
  release(): void {
    const ended = this.#watch.within(TAIL_MS, 'the end after the end', () => this.#pieces.next());
    ended.catch(() => {}).finally(() => this.#watch.end());
  }
}

function failCut(): never {
  throw brokenAnswer('the connection was cut', 'cut');
}
