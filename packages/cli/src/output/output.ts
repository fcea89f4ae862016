import { styleText } from 'node:util';
import type { Io, OutputStream } from '../io.js';
import { harmless, visible, visibleCell, visibleJson } from './visible-text.js';

const FORMATS = { good: 'green', bad: 'red', strong: 'bold', faint: 'dim' } as const;
export type Style = keyof typeof FORMATS;

/** After so long, a person wants to know what is waited for. */
const PATIENCE_MS = 2_000;

/** A number of things: `1 piece`, `2 pieces`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** A piece of a line that a terminal shows in a style. */
export interface Styled {
  readonly text: string;
  readonly style: Style;
}
export type Part = string | Styled;

export function styled(text: string, style: Style): Styled {
  return { text, style };
}

/** Whether a cell is of the head, and not of a row. */
function isCapital(cell: string): boolean {
  return cell === cell.toUpperCase();
}

/**
 * The only file that prints. Standard output is for data, standard error for talk.
 *
 * A method that prints a line prints one line, and every character of it shows, at a terminal and in a pipe. So no
 * value can make a line of its own, no matter who gave it. Methods of other names print exact data and several lines.
 */
export class Output {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #isDumb: boolean;
  #colour: boolean;
  #quiet = false;
  /** Whether the last line at the terminal says what is waited for, and is to be taken away. */
  #isWaiting = false;

  constructor({ stdout, stderr, env }: Pick<Io, 'stdout' | 'stderr' | 'env'>) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#isDumb = env['TERM'] === 'dumb';
    this.#colour = (env['NO_COLOR'] ?? '') === '' && !this.#isDumb;
  }

  /** No talk from now on; errors are still said. */
  beQuiet(): void {
    this.#quiet = true;
  }

  beColourless(): void {
    this.#colour = false;
  }

  /** A line of data. */
  line(...parts: readonly Part[]): void {
    this.#line(this.#stdout, parts);
  }

  /** Running text from elsewhere: exact where a program reads it, harmless where a terminal shows it. */
  text(text: string): void {
    // guard: terminal-text without: this.exact(text);
    this.exact(this.#stdout.isTTY === true ? harmless(text) : text);
  }

  /** Data that this machine made, such as sealed letters and public keys: exactly as it is, terminal or not. */
  exact(text: string | Uint8Array): void {
    this.#unwait();
    this.#stdout.write(text);
  }

  /** A JSON document that may hold text from elsewhere: exact where a program reads it, visible at a terminal. */
  document(json: string): void {
    // guard: terminal-json without: this.exact(json);
    this.exact(this.#stdout.isTTY === true ? visibleJson(json) : json);
  }

  /**
   * Data of any length as it comes, no faster than it is read.
   * @returns false where the reader stopped reading (`| head`), which is no fault
   */
  async pieces(pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
    for await (const piece of pieces) {
      const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
        this.#stdout.write(piece, resolve);
      });
      if (error?.code === 'EPIPE') return false;
      if (error) throw error;
    }
    return true;
  }

  json(value: unknown): void {
    this.document(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** The same in a line, where more will follow. */
  jsonLine(value: unknown): void {
    this.document(`${JSON.stringify(value)}\n`);
  }

  /**
   * Columns that line up. At a terminal that is too narrow for them, rows under a head of capitals become records: a line
   * for each cell, after what stands above it, and an empty line between two.
   */
  table(given: readonly (readonly string[])[]): void {
    // guard: table-cells without: const rows = given;
    const rows = given.map((row) => row.map(visibleCell));
    const columns = Math.max(0, ...rows.map((row) => row.length));
    const widths = Array.from({ length: columns }, (_, column) =>
      Math.max(...rows.map((row) => (row[column] ?? '').length)),
    );
    const width = widths.reduce((sum, one) => sum + one + 2, -2);
    const [head = [], ...body] = rows;
    if (width > this.#columns && body.length > 0 && head.some((cell) => cell !== '') && head.every(isCapital))
      return this.#records(head, body);
    for (const row of rows)
      this.line(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      );
  }

  #records(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const wide = Math.max(...head.map((name) => name.length));
    for (const [index, row] of rows.entries()) {
      if (index > 0) this.line();
      for (const [column, cell] of row.entries())
        if (cell !== '') this.line(`${(head[column] ?? '').padEnd(wide)}  ${cell}`);
    }
  }

  /** How many characters a line of results has room for; as many as there are where no terminal shows it. */
  get #columns(): number {
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  }

  /**
   * Says at the terminal what is waited for, once it takes longer than two seconds, and takes it away in the end.
   * @param what `waiting for the answer`, or what says how far it has come.
   */
  async during<Value>(what: string | (() => string), work: Promise<Value>): Promise<Value> {
    if (this.#quiet || this.#stderr.isTTY !== true) return work;
    const startedMs = performance.now();
    const say = () =>
      this.#wait(typeof what === 'string' ? what : what(), Math.round((performance.now() - startedMs) / 1000));
    let timer = setTimeout(() => {
      say();
      // A terminal that takes no commands is told once.
      if (!this.#isDumb) timer = setInterval(say, 1000);
    }, PATIENCE_MS);
    try {
      return await work;
    } finally {
      // Of either sort.
      clearTimeout(timer);
      this.#unwait();
    }
  }

  #wait(what: string, seconds: number): void {
    this.#unwait();
    if (this.#isDumb) return this.talk(`${what} …`);
    this.#stderr.write(this.#shown(this.#stderr, styled(`${what}, ${seconds} s …`, 'faint')));
    this.#isWaiting = true;
  }

  #unwait(): void {
    if (this.#isWaiting) this.#stderr.write('\r\u001b[2K');
    this.#isWaiting = false;
  }

  /** A finding as a line of data; undefined where nothing was found out. */
  check({
    name,
    ok,
    detail,
  }: {
    readonly name: string;
    readonly ok: boolean | undefined;
    readonly detail: string;
  }): void {
    const mark = ok === undefined ? styled('–', 'faint') : ok ? styled('✔', 'good') : styled('✘', 'bad');
    this.line(mark, ` ${name.padEnd(20)} `, styled(detail, 'faint'));
  }

  /** A line for the person at the terminal. */
  talk(...parts: readonly Part[]): void {
    if (!this.#quiet) this.#line(this.#stderr, parts);
  }

  /** What a person must see before they answer, also where they want no talk. */
  must(...parts: readonly Part[]): void {
    this.#line(this.#stderr, parts);
  }

  /** A question, whose answer is typed on the same line. */
  ask(text: string): void {
    this.#stderr.write(this.#shown(this.#stderr, text));
  }

  /** Ends the line of a question whose answer did not show. */
  answered(): void {
    this.#stderr.write('\n');
  }

  error(message: string): void {
    this.#line(this.#stderr, ['bulla: ', styled('error:', 'bad'), ` ${message}`]);
  }

  hint(message: string): void {
    this.#line(this.#stderr, ['bulla: ', styled('hint:', 'strong'), ` ${message}`]);
  }

  /** What went wrong, for a program: one line of JSON, in which every character of every string shows. */
  failure(value: object): void {
    // guard: failure-json without: this.#stderr.write(`${JSON.stringify(value)}\n`);
    this.#stderr.write(`${visibleJson(JSON.stringify(value))}\n`);
  }

  /** Help that was asked for: text of this program, in lines. */
  help(text: string): void {
    this.#stdout.write(harmless(text));
  }

  /** Usage after a mistake. */
  usage(text: string): void {
    this.#stderr.write(harmless(text));
  }

  #line(stream: OutputStream, parts: readonly Part[]): void {
    this.#unwait();
    stream.write(`${parts.map((part) => this.#shown(stream, part)).join('')}\n`);
  }

  #shown(stream: OutputStream, part: Part): string {
    // guard: printed-lines without: const text = typeof part === 'string' ? part : part.text;
    const text = visible(typeof part === 'string' ? part : part.text);
    if (typeof part === 'string' || !this.#colour || stream.isTTY !== true) return text;
    return styleText(FORMATS[part.style], text, { validateStream: false });
  }
}
