import { utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseNote } from '@bulla/crypto/log';
import { numberOf } from './log-head.js';
import type { LogRepository } from './log.repository.js';

interface Known {
  readonly log: number;
  readonly size: number;
  readonly note: string;
}

/**
 * The newest checkpoint of the service's own log, for those who hand it on with what they answer: at hand without a
 * question to the database, and any process of a service may have signed it.
 */
export class NewestCheckpoint {
  #known: Known | undefined;

  /** The signed note with the signatures of the log alone; undefined before the first was seen. */
  get note(): string | undefined {
    return this.#known?.note;
  }

  /** Looks for a newer one. */
  async look(logs: Pick<LogRepository, 'checkpoint'>, org: string): Promise<void> {
    const note = await logs.checkpoint(org);
    if (note !== undefined) this.#learn(note);
  }

  #learn(whole: string): void {
    const { text } = parseNote(utf8(whole));
    const { origin, size } = parseCheckpoint(text);
    const next = { log: numberOf(origin), size, note: `${text}\n${ownLines(whole, text, origin)}` };
    // A database that went back to a backup shows an older one: nobody is told less than before.
    // guard: checkpoint-told-rises
    if (this.#known !== undefined && !isNewer(next, this.#known)) return;
    this.#known = next;
  }
}

/** Without what witnesses signed: a reader who asks for witnesses reads the log. */
function ownLines(whole: string, text: string, origin: string): string {
  const lines = whole.slice(text.length + 1).split('\n');
  return lines.flatMap((line) => (line.startsWith(`\u2014 ${origin} `) ? [`${line}\n`] : [])).join('');
}

function isNewer(next: Known, known: Known): boolean {
  return next.log > known.log || (next.log === known.log && next.size > known.size);
}
