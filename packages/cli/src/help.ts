import type { Command } from 'commander';
import { closestTo } from './input/closest-word.js';
import { UsageError } from './input/usage-error.js';

/** `bulla help`, which shows the help of a command however deep it stands. */
export function addHelpCommand(program: Command): void {
  program.helpCommand(false);
  program
    .command('help [command...]')
    .description('the help of a command, such as: bulla help prompt push')
    .action((names: readonly string[]) => commandAt(program, names).outputHelp());
}

/** @throws {UsageError} */
export function commandAt(program: Command, names: readonly string[]): Command {
  return names.reduce<Command>((at, name, index) => {
    const known = visibleCommands(at);
    const found = known.find((child) => child.name() === name);
    if (found !== undefined) return found;
    const before = names.slice(0, index);
    const meant = closestTo(
      name,
      known.map((child) => child.name()),
    );
    throw new UsageError(
      'there is no such command',
      meant === undefined
        ? `see \`${['bulla', ...before].join(' ')} --help\``
        : `did you mean ${[...before, meant].join(' ')}?`,
    );
  }, program);
}

/** The commands that help shows. */
export function visibleCommands(command: Command): Command[] {
  return [...command.createHelp().visibleCommands(command)];
}
