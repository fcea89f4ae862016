import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks somebody for one line, which nobody sees. Undefined where they go without an answer. */
export type AskHidden = (question: string) => Promise<string | undefined>;

/** What of a process a person may sit at. */
export interface Terminal {
  readonly stdin?: (NodeJS.ReadableStream & { readonly isTTY?: boolean }) | undefined;
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
}

/** How the person at the terminal of a process is asked; undefined where nobody sits there. */
export function askHiddenAt({ stdin, stderr }: Terminal): AskHidden | undefined {
  // guard: ask-at-terminal
  if (stdin?.isTTY !== true || stderr.isTTY !== true) return undefined;
  return async (question) => {
    // In raw mode the terminal shows nothing by itself, and what would be shown instead goes nowhere.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 });
    // Only now: who answers at once would see the answer.
    stderr.write(`${question} `);
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    lines.once('line', resolve).once('SIGINT', resolve).once('close', resolve);
    try {
      return await promise;
    } finally {
      lines.close();
      stderr.write('\n');
    }
  };
}
