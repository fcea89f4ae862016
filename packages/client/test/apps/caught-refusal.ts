import type { BullaError } from '../../src/connection/errors.js';

/** What a reader of requests refuses: the first place that is wrong, and the sentence. */
export interface CaughtRefusal {
  /** `none` where it refused nothing. */
  readonly code: string;
  readonly pointer: string | undefined;
  readonly message: string;
}

/** Runs a reader that should refuse. */
export function caughtRefusal(read: () => unknown): CaughtRefusal {
  try {
    read();
  } catch (error) {
    const { code, errors, message } = error as BullaError;
    return { code, pointer: errors?.[0]?.pointer, message };
  }
  return { code: 'none', pointer: undefined, message: 'nothing was refused' };
}
