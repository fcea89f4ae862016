import { ALL_PROBLEMS } from '@bulla/contract';

/** What the proxy did since it began: numbers and codes, nothing of what was asked. */
export class Counts {
  calls = 0;
  /** Answers whose signed end was verified. */
  verified = 0;
  /** Retries that got the answer of their first try. */
  coalesced = 0;
  /** Requests that were not let in. */
  refused = 0;
  readonly #faults = new Map<string, number>();

  /** How often which problem was told to an app. */
  get faults(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#faults);
  }

  /** Counts the problem in an error that an app is told. */
  fault(told: string): void {
    const [, code = 'unknown'] = /"code":"([a-z_]{1,40})"/.exec(told) ?? [];
    const known = Object.hasOwn(ALL_PROBLEMS, code) ? code : 'unknown';
    this.#faults.set(known, (this.#faults.get(known) ?? 0) + 1);
  }
}

const ERRORS = ['data: {"error":', 'event: error\n', 'event: response.failed\n'] as const;

/** Whether events of a stream tell of an error, in the words of either vendor. */
export function tellsError(events: string): boolean {
  return ERRORS.some((beginning) => events.startsWith(beginning));
}
