import { Problem } from '@bulla/contract';

/** How long answers may get. */
export interface AnswerLimits {
  /** Bytes of one answer, as the lines that are sealed. */
  readonly bytesMax: number;
  /** Bytes that all answers together take that are kept until their end: those that are not streamed. */
  readonly heldMax: number;
}

const MIB = 1_048_576;
export const ANSWER_LIMITS: AnswerLimits = { bytesMax: 8 * MIB, heldMax: 128 * MIB };

/**
 * A byte of an answer that is kept is there as a line, in its sealed frame, in the text of the reply, and in that text on
 * its way to the database; and what was let go of is not given back at once. Together about six, as measured.
 */
export const KEPT_TIMES = 6;

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
        const kept = isHeld ? KEPT_TIMES * bytes : 0;
        // guard: answer-held
        if (this.#held + kept > heldMax) throw new Problem('overloaded', { retryAfterSeconds: 1 });
        taken += bytes;
        this.#held += kept;
        return true;
      },
      close: () => {
        if (isHeld) this.#held -= KEPT_TIMES * taken;
        taken = 0;
      },
    };
  }
}
