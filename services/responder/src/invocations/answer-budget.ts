import { Problem } from '@bulla/contract';

/** How long answers may get. */
export interface AnswerLimits {
  /** Bytes of one answer, as the lines that are sealed. */
  readonly bytesMax: number;
  /** Bytes of all answers together that are kept until their end: those that are not streamed. */
  readonly heldMax: number;
}

const MIB = 1_048_576;
export const ANSWER_LIMITS: AnswerLimits = { bytesMax: 8 * MIB, heldMax: 128 * MIB };

/** What one answer takes. */
export interface AnswerMeter {
  /**
   * Counts bytes before they are kept.
   * @returns false where the answer has to end: it is as long as it may be
   * @throws {Problem} overloaded where there is no room for them beside other answers
   */
  take(bytes: number): boolean;
  /** Gives back what was kept. Calling it twice is no harm. */
  close(): void;
}

/** Room for the answers of one process: a model that does not stop takes none from others, and no more than its own. */
export class AnswerBudget {
  readonly #limits: AnswerLimits;
  #held = 0;

  constructor(limits: AnswerLimits = ANSWER_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes that are kept now. */
  get held(): number {
    return this.#held;
  }

  /** @param isHeld whether the answer is kept until its end; a stream is passed on as it comes. */
  open(isHeld: boolean): AnswerMeter {
    const { bytesMax, heldMax } = this.#limits;
    let taken = 0;
    return {
      take: (bytes) => {
        // guard: answer-bytes
        if (taken + bytes > bytesMax) return false;
        // guard: answer-held
        if (isHeld && this.#held + bytes > heldMax) throw new Problem('overloaded', { retryAfterSeconds: 1 });
        taken += bytes;
        if (isHeld) this.#held += bytes;
        return true;
      },
      close: () => {
        if (isHeld) this.#held -= taken;
        taken = 0;
      },
    };
  }
}
