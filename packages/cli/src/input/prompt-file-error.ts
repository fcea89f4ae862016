/** One thing that is wrong in a prompt file. */
export interface PromptFileMistake {
  /** Counted from the first line of the file, which is 1; absent where it is no single line. */
  readonly line?: number | undefined;
  /** Where in the front matter, such as `acl.read[0]`. */
  readonly at?: string | undefined;
  /** What is wrong, and what is allowed; never the text of the prompt. */
  readonly what: string;
}

/** Everything that is wrong in a prompt file, in the order of its lines. */
export class PromptFileError extends Error {
  override readonly name = 'PromptFileError';
  readonly mistakes: readonly PromptFileMistake[];
  /** The file, by the name that the user gave. */
  readonly file: string | undefined;

  constructor(mistakes: string | readonly PromptFileMistake[], file?: string) {
    const all = typeof mistakes === 'string' ? [{ what: mistakes }] : mistakes;
    super(all.map((mistake) => lineOf(mistake)).join('; '));
    this.mistakes = all;
    this.file = file;
  }

  /** The same with the name of the file. */
  in(file: string): PromptFileError {
    return new PromptFileError(this.mistakes, file);
  }

  /** One line for each mistake, as compilers write them: `triage.md:3: …`. */
  get lines(): string[] {
    return this.mistakes.map((mistake) => lineOf(mistake, this.file));
  }
}

function lineOf({ line, at, what }: PromptFileMistake, file?: string): string {
  const where = file === undefined ? line && `line ${line}` : line === undefined ? file : `${file}:${line}`;
  return [where, at, what].filter((part) => part !== undefined && part !== 0).join(': ');
}
