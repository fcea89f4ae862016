import type { LogMark } from './marks.js';

/**
 * Why nothing is written to the log of an organisation until a person has seen to it. `changed`: the database does not hold
 * what was signed; it went back to a backup, is another one, or was changed. `unauthenticated`: it has entries that no process
 * of the service wrote. `number`: the directory lists a number below one that was signed, or that the folder of marks was set
 * up for. `key`: this process does not hold the key that the directory lists.
 */
export type Loss = 'changed' | 'unauthenticated' | 'number' | 'key';

const SAID: Record<Loss, string> = {
  changed: 'the database does not hold what was signed of its audit log',
  unauthenticated: 'the audit log has entries that no process of this service wrote',
  number: 'the directory lists the key of a log that has ended; publish one with the key of the next log',
  key: 'the key file lacks the key that the directory lists for the audit log',
};

/** The log of an organisation is lost. */
export class LogLost extends Error {
  override readonly name = 'LogLost';
  readonly why: Loss;
  /** What was signed last, where something was. */
  readonly mark: LogMark | undefined;

  constructor(why: Loss, mark?: LogMark) {
    super(SAID[why]);
    this.why = why;
    this.mark = mark;
  }
}
