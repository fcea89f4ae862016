/** A command of a page, and what it prints there. */
export interface ShownCommand {
  /** Of the page, from 1. */
  readonly line: number;
  /** With the lines of its here-document. */
  readonly command: string;
  /** Both streams; `…` stands for anything within a line, a line `[…]` for any lines. */
  readonly output: string;
  readonly status: number;
}

/** What stands between two fences of a page. */
export interface Block {
  /** Of its first fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Of a block that one types. */
  readonly commands: readonly ShownCommand[];
}

/** All blocks of a page in their order. */
export function blocksOf(page: string): Block[] {
  const lines = page.split('\n');
  const fences = lines.flatMap((text, index) => (text.startsWith('```') ? [index] : []));
  if (fences.length % 2 !== 0) throw new Error('the last block of the page has no end');
  return fences.flatMap((begin, nth) => {
    if (nth % 2 !== 0) return [];
    const language = lines[begin]?.slice(3) ?? '';
    const inside = lines.slice(begin + 1, fences[nth + 1]);
    const commands =
      language === 'console' ? typed(inside, begin + 2) : language === 'sh' ? typedOnly(inside, begin + 2) : [];
    return [{ line: begin + 1, language, text: `${inside.join('\n')}\n`, commands }];
  });
}

/**
 * The commands of a `console` block: its lines that begin with `$ `, with the lines after them that begin with `>` as far
 * as a here-document goes. `(exit code N)` is what it ends with, if that is not 0.
 */
function typed(lines: readonly string[], first: number): ShownCommand[] {
  const commands: { line: number; command: string; output: string; status: number }[] = [];
  let end: string | undefined;
  for (const [index, text] of lines.entries()) {
    const last = commands.at(-1);
    if (text.startsWith('$ ')) {
      commands.push({ line: first + index, command: text.slice(2), output: '', status: 0 });
      end = /<<'(\w+)'/.exec(text)?.[1];
    } else if (last === undefined) throw new Error(`line ${first + index} is the output of no command`);
    else if (end !== undefined && text.startsWith('>')) {
      last.command += `\n${text.slice(2)}`;
      if (text === `> ${end}`) end = undefined;
    } else if (/^\(exit code \d+\)$/.test(text)) last.status = Number(/\d+/.exec(text)?.[0]);
    else last.output += `${text}\n`;
  }
  return commands;
}

/** The commands of an `sh` block, one a line unless the line ends with a backslash: what they print is not shown. */
function typedOnly(lines: readonly string[], first: number): ShownCommand[] {
  const commands: { line: number; command: string; output: string; status: number }[] = [];
  let goesOn = false;
  for (const [index, text] of lines.entries()) {
    const last = commands.at(-1);
    if (goesOn && last !== undefined) last.command += `\n${text}`;
    else if (text !== '') commands.push({ line: first + index, command: text, output: '[…]\n', status: 0 });
    goesOn = text.endsWith('\\');
  }
  return commands;
}

/** Whether something was printed that a page shows. */
export function patternOf(shown: string): RegExp {
  return new RegExp(
    `^${shown
      .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
      .replaceAll('\\[…\\]\n', '(?:[^\\n]*\\n)*?')
      .replaceAll('…', '[^\\n]*')}$`,
  );
}
