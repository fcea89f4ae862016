/** Of how many first attempts one retry is earned: a tenth more load is what a server in trouble gets at most. */
const EARNED_BY = 10;
/** What may be saved up, and what is there at the start, so that the first runs of a quiet responder may be retried. */
const SAVED_MAX = 10;

/** Allows as many retries as a tenth of the attempts that came before them. */
export class RetryBudget {
  /** In tenths of a retry. */
  #saved = SAVED_MAX * EARNED_BY;

  /** Counts a first attempt. */
  earn(): void {
    this.#saved = Math.min(this.#saved + 1, SAVED_MAX * EARNED_BY);
  }

  /** Takes one retry, if there is one. */
  spend(): boolean {
    // guard: retry-budget
    if (this.#saved < EARNED_BY) return false;
    this.#saved -= EARNED_BY;
    return true;
  }
}
