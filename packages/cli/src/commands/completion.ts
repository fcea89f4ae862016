import type { Command } from 'commander';
import { Argument } from 'commander';
import { completionsOf, SHELL_SCRIPTS } from '../completion.js';
import type { Context } from '../context.js';

/** `bulla completion`, and what its scripts call. */
export function addCompletionCommands(program: Command, context: Context): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELL_SCRIPTS)))
    .description('print what makes a shell complete commands, options, prompts, labels and devices')
    .addHelpText(
      'after',
      `
Names of prompts and labels come from the vault, those of devices from this machine. Where the vault does not answer
within a second, or the keys of this device need a passphrase, they are left out.

Add one of these to the start-up file of your shell:
  bash:  source <(bulla completion bash)
  zsh:   source <(bulla completion zsh)
  fish:  bulla completion fish | source`,
    )
    .action((shell: keyof typeof SHELL_SCRIPTS) => context.out.exact(SHELL_SCRIPTS[shell]));
  program.command('__complete [words...]', { hidden: true }).action(async (words: readonly string[]) => {
    for (const word of await completionsOf(program, context.io, words)) context.out.line(word);
  });
}
