import { styleText } from 'node:util';
import type { Io, OutputStream } from './io.js';

const FORMATS = { good: 'green', bad: 'red', strong: 'bold', faint: 'dim' } as const;
export type Style = keyof typeof FORMATS;

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

/** Control characters (but tab and newline) and what reorders text: a terminal would obey them (CWE-150). */
const OBEYED = /(?![\t\n])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** Text in which every character that a terminal would obey is shown instead. */
export function harmless(text: string): string {
  return text.replace(OBEYED, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** JSON that says the same, in which no string holds a character that a terminal would obey. */
function harmlessJson(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The only file that prints. Standard output is for data, standard error for talk. */
export class Output {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  #colour: boolean;
  #quiet = false;

  constructor({ stdout, stderr, env }: Pick<Io, 'stdout' | 'stderr' | 'env'>) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#colour = (env['NO_COLOR'] ?? '') === '';
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
    this.#write(this.#stdout, [...parts, '\n']);
  }

  /** Data from elsewhere: exact where a program reads it, harmless where a terminal shows it. */
  text(text: string): void {
    this.#write(this.#stdout, [text]);
  }

  /** Data that this machine made, such as sealed letters and public keys: exactly as it is, terminal or not. */
  exact(text: string | Uint8Array): void {
    this.#stdout.write(text);
  }

  /** A JSON document that may hold text from elsewhere: exact where a program reads it, harmless at a terminal. */
  document(json: string): void {
    // guard: terminal-json without: this.exact(json);
    this.exact(this.#stdout.isTTY === true ? harmlessJson(json) : json);
  }

  /**
   * Data of any length as it comes, no faster than it is read.
   * @returns false where whoever reads stopped reading (`| head`), which is no fault
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

  /** Columns that line up. */
  table(rows: readonly (readonly string[])[]): void {
    const columns = Math.max(0, ...rows.map((row) => row.length));
    const widths = Array.from({ length: columns }, (_, column) =>
      Math.max(...rows.map((row) => (row[column] ?? '').length)),
    );
    for (const row of rows)
      this.line(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      );
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
    if (!this.#quiet) this.#write(this.#stderr, [...parts, '\n']);
  }

  /** What a person must see before they answer, also where they want no talk. */
  must(...parts: readonly Part[]): void {
    this.#write(this.#stderr, [...parts, '\n']);
  }

  /** A question, whose answer is typed on the same line. */
  ask(text: string): void {
    this.#write(this.#stderr, [text]);
  }

  error(message: string): void {
    this.#write(this.#stderr, ['bulla: ', styled('error:', 'bad'), ` ${message}\n`]);
  }

  hint(message: string): void {
    this.#write(this.#stderr, ['bulla: ', styled('hint:', 'strong'), ` ${message}\n`]);
  }

  /** Help that was asked for. */
  help(text: string): void {
    this.#stdout.write(text);
  }

  /** Usage after a mistake. */
  usage(text: string): void {
    this.#stderr.write(text);
  }

  #write(stream: OutputStream, parts: readonly Part[]): void {
    const isTerminal = stream.isTTY === true;
    const show = (part: Part): string => {
      const text = typeof part === 'string' ? part : part.text;
      if (!isTerminal) return text;
      if (typeof part === 'string' || !this.#colour) return harmless(text);
      return styleText(FORMATS[part.style], harmless(text), { validateStream: false });
    };
    stream.write(parts.map(show).join(''));
  }
}
