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

/**
 * The commands of a page in their order: the lines of its `console` blocks that begin with `$ `, with the lines after
 * them that begin with `>` as far as a here-document goes. `(exit code N)` is what it ends with, if that is not 0.
 */
export function shownCommands(page: string): ShownCommand[] {
  const commands: { line: number; command: string; output: string; status: number }[] = [];
  let isInside = false;
  let end: string | undefined;
  for (const [index, text] of page.split('\n').entries()) {
    const last = commands.at(-1);
    if (text.startsWith('```')) isInside = text === '```console';
    else if (!isInside) continue;
    else if (text.startsWith('$ ')) {
      commands.push({ line: index + 1, command: text.slice(2), output: '', status: 0 });
      end = /<<'(\w+)'/.exec(text)?.[1];
    } else if (last === undefined) throw new Error(`line ${index + 1} is the output of no command`);
    else if (end !== undefined && text.startsWith('>')) {
      last.command += `\n${text.slice(2)}`;
      if (text === `> ${end}`) end = undefined;
    } else if (/^\(exit code \d+\)$/.test(text)) last.status = Number(/\d+/.exec(text)?.[0]);
    else last.output += `${text}\n`;
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
