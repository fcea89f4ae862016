import { CryptoError, utf8 } from '@bulla/crypto';
import { parseCheckpoint, parseNote, parseOrigin, verifyCheckpoint } from '@bulla/crypto/log';
import type { LogPens } from './log-pens.js';
import type { LogRepository } from './log.repository.js';

interface Known {
  readonly size: number;
  readonly note: string;
  /** With the lines of witnesses, as it was read. */
  readonly whole: string;
}

export interface NewestCheckpointParts {
  readonly logs: Pick<LogRepository, 'checkpoints'>;
  readonly pens: Pick<LogPens, 'trustIn'>;
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
  async look({ logs, pens }: NewestCheckpointParts, org: string): Promise<void> {
    for (const whole of await logs.checkpoints(org)) {
      if ([...this.#known.values()].some((one) => one.whole === whole)) continue;
      const text = noteText(whole);
      if (text === undefined) continue;
      const { origin } = parseCheckpoint(text);
      const isSigned = await verifyCheckpoint(utf8(whole), await pens.trustIn(org, origin)).then(
        () => true,
        () => false,
      );
      // Anybody who has the database may have put it there.
      // guard: checkpoint-told-signed
      if (!isSigned) continue;
      this.#learn(whole, text);
    }
  }

  #learn(whole: string, text: string): void {
    const { origin, size } = parseCheckpoint(text);
    const number = parseOrigin(origin)?.number ?? 0;
    const known = this.#known.get(number);
    // A database that went back to a backup shows an older one: nobody is told less than before.
    // guard: checkpoint-told-rises
    if (known !== undefined && size <= known.size) return;
    this.#known.set(number, { size, whole, note: `${text}\n${ownLines(whole, text, origin)}` });
  }
}

/** What is signed, of a checkpoint; undefined for what is none. */
function noteText(whole: string): string | undefined {
  try {
    const { text } = parseNote(utf8(whole));
    parseCheckpoint(text);
    return text;
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

/** Without what witnesses signed: a reader who asks for witnesses reads the log. */
function ownLines(whole: string, text: string, origin: string): string {
  const lines = whole.slice(text.length + 1).split('\n');
  return lines.flatMap((line) => (line.startsWith(`\u2014 ${origin} `) ? [`${line}\n`] : [])).join('');
}
