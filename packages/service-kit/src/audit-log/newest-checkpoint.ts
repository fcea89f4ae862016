import { utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseNote } from '@bulla/crypto/log';
import { numberOf } from './log-head.js';
import type { LogRepository } from './log.repository.js';

interface Known {
  readonly size: number;
  readonly note: string;
  /** With the lines of witnesses, as it was read. */
  readonly whole: string;
}

/**
 * The newest checkpoint of each of the service's own logs, for those who hand one on with what they answer: at hand without
 * a question to the database, and any process of a service may have signed it.
 */
export class NewestCheckpoint {
  readonly #known = new Map<number, Known>();

  /** The signed notes with the signatures of the log alone, the highest number first; none before the first was seen. */
  get notes(): readonly string[] {
    return [...this.#known].toSorted(([left], [right]) => right - left).map(([, { note }]) => note);
  }

  /** Looks for newer ones. */
  async look(logs: Pick<LogRepository, 'checkpoints'>, org: string): Promise<void> {
    for (const whole of await logs.checkpoints(org)) this.#learn(whole);
  }

  #learn(whole: string): void {
    if ([...this.#known.values()].some((one) => one.whole === whole)) return;
    const { text } = parseNote(utf8(whole));
    const { origin, size } = parseCheckpoint(text);
    const known = this.#known.get(numberOf(origin));
    // A database that went back to a backup shows an older one: nobody is told less than before.
    // guard: checkpoint-told-rises
    if (known !== undefined && size <= known.size) return;
    this.#known.set(numberOf(origin), { size, whole, note: `${text}\n${ownLines(whole, text, origin)}` });
  }
}

/** Without what witnesses signed: a reader who asks for witnesses reads the log. */
function ownLines(whole: string, text: string, origin: string): string {
  const lines = whole.slice(text.length + 1).split('\n');
  return lines.flatMap((line) => (line.startsWith(`\u2014 ${origin} `) ? [`${line}\n`] : [])).join('');
}
