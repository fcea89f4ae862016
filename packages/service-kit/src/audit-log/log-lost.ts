import { numberOf } from './log-head.js';
import type { LogMark } from './marks.js';

/** The database does not hold what was signed of a log: it went back to a backup, is another one, or was changed. */
export class LogLost extends Error {
  override readonly name = 'LogLost';
  /** What was signed last. */
  readonly mark: LogMark;

  constructor(mark: LogMark) {
    super('the database does not hold what was signed of its audit log');
    this.mark = mark;
  }

  /** Number of the log that comes next. */
  get next(): number {
    return numberOf(this.mark.origin) + 1;
  }
}
