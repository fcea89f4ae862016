import { Problem } from '@bulla/contract';

/** How often something may be tried within a while, in this process. */
export class Tries {
  readonly #limit: { readonly max: number; readonly windowMs: number };
  readonly #nowMs: () => number;
  #endsMs = 0;
  #left = 0;

  /** @param nowMs a clock that never goes back. */
  constructor(limit: { readonly max: number; readonly windowMs: number }, nowMs: () => number) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  /** @throws {Problem} rate_limited, saying when to come again */
  take(): void {
    const nowMs = this.#nowMs();
    if (nowMs >= this.#endsMs) {
      this.#endsMs = nowMs + this.#limit.windowMs;
      this.#left = this.#limit.max;
    }
    // guard: unseal-tries
    if (this.#left === 0)
      throw new Problem('rate_limited', {
        detail: 'shares are taken slowly',
        retryAfterSeconds: Math.ceil((this.#endsMs - nowMs) / 1000),
      });
    this.#left -= 1;
  }
}
