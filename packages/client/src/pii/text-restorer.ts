import type { MaskedValues } from './placeholders.js';

/** How a text holds a placeholder: as it is, or as a part of JSON, whose strings may spell brackets as escapes. */
interface Spelling {
  /** Where a placeholder may begin. */
  readonly mark: RegExp;
  readonly whole: RegExp;
  /** The beginning of one at the end of what has come. */
  readonly begun: RegExp;
  readonly write: (value: string) => string;
}

const PLAIN: Spelling = {
  mark: /</g,
  whole: /<([A-Za-z0-9_]{1,64})>/y,
  begun: /<[A-Za-z0-9_]{0,64}$/y,
  write: (value) => value,
};
const JSON_TEXT: Spelling = {
  mark: /[<\\]/g,
  whole: /(?:<|\\u003[cC])([A-Za-z0-9_]{1,64})(?:>|\\u003[eE])/y,
  begun: /(?:<|\\u003[cC])[A-Za-z0-9_]{0,64}(?:\\(?:u(?:0(?:0(?:3)?)?)?)?)?$|\\(?:u(?:0(?:0(?:3)?)?)?)?$/y,
  write: (value) => JSON.stringify(value).slice(1, -1),
};

/**
 * Puts values in the place of placeholders in a text that comes in pieces, cut anywhere. It holds back what may be the
 * beginning of a placeholder, at most 76 characters. What it put in is not looked at again.
 */
export class TextRestorer {
  readonly #values: MaskedValues;
  readonly #spelling: Spelling;
  #held = '';

  /** @param isJson whether the text is JSON: values are then escaped as its strings want them. */
  constructor(values: MaskedValues, isJson = false) {
    this.#values = values;
    this.#spelling = isJson ? JSON_TEXT : PLAIN;
  }

  /** What of the text is decided with this piece. */
  write(piece: string): string {
    return this.#read(this.#held + piece, false);
  }

  /** What was held back: no more comes. */
  end(): string {
    return this.#read(this.#held, true);
  }

  #read(text: string, isLast: boolean): string {
    const { mark } = this.#spelling;
    const out: string[] = [];
    let at = 0;
    this.#held = '';
    for (;;) {
      mark.lastIndex = at;
      const next = mark.exec(text)?.index ?? text.length;
      out.push(text.slice(at, next));
      if (next === text.length) break;
      if (!isLast && matchAt(this.#spelling.begun, text, next) !== null) {
        this.#held = text.slice(next);
        break;
      }
      const [said, end] = this.#readAt(text, next);
      out.push(said);
      at = end;
    }
    return out.join('');
  }

  /** What stands at a place where a placeholder may begin, and where it ends. */
  #readAt(text: string, at: number): readonly [string, number] {
    const found = matchAt(this.#spelling.whole, text, at);
    const value = found === null ? undefined : this.#values.get(`<${found[1]}>`);
    if (found !== null && value !== undefined) return [this.#spelling.write(value), at + found[0].length];
    // Both characters of an escape: what follows a backslash begins nothing.
    const end = at + (text[at] === '\\' ? 2 : 1);
    return [text.slice(at, end), Math.min(end, text.length)];
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
