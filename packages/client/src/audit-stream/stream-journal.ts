import type { DeadLetter } from './dead-letter.js';
import type { LogPlace } from './log-place.js';

/** What outlives the process. Each method has written to the disk, and waited for it, when it is done. */
export interface StreamJournal {
  /** As they were kept last. */
  readonly places: readonly LogPlace[];
  /** Keeps the places, each in the stead of the one before of its service. */
  readonly keep: (places: readonly LogPlace[]) => Promise<void>;
  /** Keeps a letter that the sink refused. */
  readonly bury: (letter: DeadLetter) => Promise<void>;
}
