import { readFileSync } from 'node:fs';

/** One command of a transcript and all that it prints. */
export interface Step {
  readonly line: number;
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/**
 * Reads a transcript: `$ ` a command, `< ` its standard input, `> ` a line of its standard output, `! ` a line of
 * its standard error, `? ` its exit code if that is not 0, `#` a remark. `…` stands for anything within a line,
 * `DIR` for the folder of the test, and `HINTED` in a command for the words of the one that the last hint ended with.
 */
export function readTranscript(url: URL, folder: string): Step[] {
  const steps: { line: number; argv: string[]; stdin: string; stdout: string; stderr: string; code: number }[] = [];
  for (const [index, text] of readFileSync(url, 'utf8').split('\n').entries()) {
    const rest = text.slice(2).replaceAll('DIR', folder);
    const step = steps.at(-1);
    if (text === '' || text.startsWith('#')) continue;
    if (text.startsWith('$ bulla '))
      steps.push({
        line: index + 1,
        argv: wordsOf(rest.slice('bulla '.length)),
        stdin: '',
        stdout: '',
        stderr: '',
        code: 0,
      });
    else if (step === undefined) throw new Error(`line ${index + 1} belongs to no command`);
    else if (text.startsWith('<')) step.stdin += `${rest}\n`;
    else if (text.startsWith('>')) step.stdout += `${rest}\n`;
    else if (text.startsWith('!')) step.stderr += `${rest}\n`;
    else if (text.startsWith('?')) step.code = Number(rest);
    else throw new Error(`line ${index + 1} begins with none of $ < > ! ? #`);
  }
  return steps;
}

/** Whether what was printed is what the transcript says. */
export function patternOf(expected: string): RegExp {
  const escaped = expected.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '[^\\n]*');
  return new RegExp(`^${escaped}$`);
}

/** Words of a command line; those with spaces stand in double quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
