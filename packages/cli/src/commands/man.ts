import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Context } from '../context.js';
import { writeWhole } from '../input/files.js';
import { commandAt } from '../help.js';
import { manPage, withPages } from '../man-page.js';
import { counted, styled } from '../output/output.js';
import { reasonOf } from '../output/system-errors.js';
import { UsageError } from '../input/usage-error.js';

interface ManOptions {
  readonly out?: string;
}

/** `bulla man` */
export function addManCommand(program: Command, context: Context, version: string): void {
  program
    .command('man [command...]')
    .description('print the page of the manual for a command, or write all of them into a folder')
    .option('-o, --out <folder>', 'write a file for each command into this folder')
    .option('--json', 'with --out: print what was written as JSON')
    .addHelpText(
      'after',
      `
The archive of \`npm run pack\` holds these pages: where it is installed for all (npm install -g), \`man bulla\` shows
them, and \`man bulla-prompt-push\` that of a command. In the clone they are made when you ask for them.

Examples:
  $ bulla man prompt push | man -l -
  $ bulla man --out ~/.local/share/man/man1 && man bulla`,
    )
    .action((names: readonly string[], { out }: ManOptions) =>
      out === undefined
        ? context.out.exact(manPage(commandAt(program, names), version).roff)
        : writeAll(context, withPages(program), { version, folder: out, names }),
    );
}

async function writeAll(
  context: Context,
  commands: readonly Command[],
  { version, folder, names }: { readonly version: string; readonly folder: string; readonly names: readonly string[] },
): Promise<void> {
  if (names.length > 0) throw new UsageError('--out writes the pages of all commands', 'leave out the command');
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new UsageError(`cannot make the folder ${folder}: ${reasonOf(error)}`);
  });
  const paths: string[] = [];
  for (const command of commands) {
    const { file, roff } = manPage(command, version);
    paths.push(join(folder, file));
    await writeWhole(join(folder, file), roff, 0o644);
  }
  if (context.asJson) context.out.json({ folder, paths });
  else context.out.talk(styled('✔', 'good'), ` ${counted(paths.length, 'page')} written to ${folder}`);
}
