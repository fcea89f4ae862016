import { StringDecoder } from 'node:string_decoder';
import type { Io } from '../io.js';
import type { Output } from '../output/output.js';
import { UsageError } from './usage-error.js';

/** Somebody pressed Ctrl-C while they were asked something. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

const LINE_MAX_CHARACTERS = 8_192;
const [CTRL_C, CTRL_D, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\b', '\u007f'];

/** Asks for lines: at a terminal after a question, else from standard input, one line for each question. */
export class Asker {
  readonly #io: Io;
  readonly #out: Output;
  readonly #decoder = new StringDecoder('utf8');
  /** What has come and was not asked for yet. */
  #rest = '';
  #ended = false;

  constructor(io: Io, out: Output) {
    this.#io = io;
    this.#out = out;
  }

  get isTerminal(): boolean {
    return this.#io.stdin.isTTY === true;
  }

  /**
   * @param unattended what to do where nobody can be asked.
   * @throws {UsageError} if nothing comes
   */
  async line(question: string, unattended?: string): Promise<string> {
    if (this.isTerminal) this.#out.ask(`${question} `);
    return this.#next(question, unattended);
  }

  /** The next line, where nobody need say anything more: undefined at the end of what is typed. */
  async nextLine(question: string): Promise<string | undefined> {
    if (this.isTerminal) this.#out.ask(`${question} `);
    return this.#nextOrEnd();
  }

  /**
   * As {@link line}, without showing what is typed.
   * @throws {UsageError} if nothing comes; {Interrupted}
   */
  async hidden(question: string, unattended?: string): Promise<string> {
    const { stdin } = this.#io;
    if (!this.isTerminal || stdin.setRawMode === undefined) return this.#next(question, unattended);
    // In raw mode the terminal neither echoes nor edits nor interrupts: all but the echo is left to us.
    stdin.setRawMode(true);
    try {
      // Only now: who answers at once would see the answer.
      this.#out.ask(`${question} `);
      return withoutRubbedOut(await this.#next(question, unattended));
    } finally {
      stdin.setRawMode(false);
      this.#out.answered();
    }
  }

  /** Whether somebody types `yes` or `y`, and nothing else. */
  async agrees(question: string, unattended?: string): Promise<boolean> {
    return /^y(?:es)?$/i.test(await this.line(`${question} (yes/no)`, unattended));
  }

  async #next(question: string, unattended?: string): Promise<string> {
    const line = await this.#nextOrEnd();
    if (line === undefined) throw new UsageError(`nothing was given for: ${question.replace(/:$/, '')}`, unattended);
    return line;
  }

  async #nextOrEnd(): Promise<string | undefined> {
    while (!this.#ended && !/[\r\n]/.test(this.#rest)) await this.#read();
    if (this.#rest === '') return undefined;
    const [line = ''] = this.#rest.split(/[\r\n]/, 1);
    this.#rest = this.#rest.slice(line.length).replace(/^\r?\n?/, '');
    return line.trim();
  }

  /** Takes what comes next, and leaves the input in peace afterwards: a command that has ended must not wait for it. */
  #read(): Promise<void> {
    const { stdin, signal } = this.#io;
    // It may have ended while nobody listened.
    if (stdin.readableEnded || stdin.destroyed) {
      this.#ended = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const stop = (done: () => void) => {
        stdin.off('data', take).off('end', end).off('error', reject).pause();
        signal.removeEventListener('abort', interrupt);
        done();
      };
      const interrupt = () => stop(() => reject(new Interrupted('interrupted')));
      const end = () => {
        this.#ended = true;
        stop(resolve);
      };
      const take = (chunk: Uint8Array | string) => {
        const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
        this.#rest += text.replaceAll(CTRL_D, '\n');
        if (text.includes(CTRL_C)) interrupt();
        else if (this.#rest.length > LINE_MAX_CHARACTERS)
          stop(() => reject(new UsageError('what was given is too long')));
        else stop(resolve);
      };
      signal.addEventListener('abort', interrupt);
      stdin.on('data', take).on('end', end).on('error', reject).resume();
    });
  }
}

/** A line as it was meant: without what was rubbed out. */
function withoutRubbedOut(line: string): string {
  const kept: string[] = [];
  for (const character of line) {
    if (character === BACKSPACE || character === DELETE) kept.pop();
    else kept.push(character);
  }
  return kept.join('');
}
