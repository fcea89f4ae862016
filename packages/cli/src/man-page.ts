import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { visibleCommands } from './help.js';

/** Pages of the manual for man(1), in roff with the macros of man(7), made from what help shows. */

/** One page and the name of its file. */
export interface ManPage {
  readonly file: string;
  readonly roff: string;
}

/** What shells and readers copy has to come out as it was written: groff would make other characters of these. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
};

/** Text that roff prints as it is, wherever it stands in a line. */
export function escaped(text: string): string {
  return text.replaceAll(/[\\\-'`^~"]|[^\x20-\x7e]/gu, (character) => {
    const codePoint = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return ESCAPES[character] ?? `\\[u${codePoint}]`;
  });
}

/** A line of text. At its beginning a full stop would be a request, and spaces a break. */
function lineOf(plain: string): string {
  return escaped(plain).replace(/^(?=[.\s])/, '\\&');
}

/** What somebody types as it is. */
function bold(plain: string): string {
  return `\\fB${escaped(plain)}\\fR`;
}

/** Every command that has a page: the program, those that hold others, and the others. */
export function withPages(command: Command): Command[] {
  // Each command that holds others has a `help` of its own, which has nothing to say.
  const isShown = (child: Command) => command.parent === null || child.name() !== 'help';
  const below = visibleCommands(command).filter((child) => command.commands.includes(child) && isShown(child));
  return [command, ...below.flatMap(withPages)];
}

/** @param version of this program. */
export function manPage(command: Command, version: string): ManPage {
  const words = wordsOf(command);
  const name = words.join('-');
  const after = splitHelp(helpAfter(command));
  const lines = [
    '.\\" Made by `bulla man` from the help of the command.',
    `.TH ${escaped(name.toUpperCase())} 1 "" ${escaped(`bulla-${version}`)} Bulla`,
    '.ds AD l',
    '.nh',
    '.SH NAME',
    `${escaped(name)} \\- ${escaped(command.description())}`,
    '.SH SYNOPSIS',
    `${bold(words.join(' '))} ${escaped(command.usage())}`,
    ...section('DESCRIPTION', after.description.length > 0 ? after.description : [lineOf(sentence(command))]),
    ...section('ARGUMENTS', tagged(argumentsOf(command))),
    ...section('OPTIONS', optionsOf(command)),
    ...section('COMMANDS', tagged(commandsOf(command))),
    ...section('EXAMPLES', after.examples),
    ...section('SEE ALSO', seeAlso(command)),
  ];
  return { file: `${name}.1`, roff: `${lines.join('\n')}\n` };
}

function wordsOf(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...wordsOf(command.parent), command.name()];
}

function section(heading: string, body: readonly string[]): string[] {
  return body.length === 0 ? [] : [`.SH ${heading}`, ...body];
}

function sentence(command: Command): string {
  const said = command.description();
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
}

type Tagged = readonly [term: string, description: string];

function tagged(all: readonly Tagged[]): string[] {
  return all.flatMap(([term, description]) => ['.TP', term, lineOf(description)]);
}

function argumentsOf(command: Command): Tagged[] {
  const help = command.createHelp();
  return help
    .visibleArguments(command)
    .map((argument) => [bold(help.argumentTerm(argument)), help.argumentDescription(argument)]);
}

function optionsOf(command: Command): string[] {
  const help = command.createHelp();
  const options = help
    .visibleOptions(command)
    .map((option): Tagged => [bold(help.optionTerm(option)), help.optionDescription(option)]);
  const inherited =
    command.parent === null ? [] : ['.PP', `${lineOf('Options of every command are in')} ${page(['bulla'])}.`];
  return [...tagged(options), ...inherited];
}

function commandsOf(command: Command): Tagged[] {
  return withPages(command)
    .filter(({ parent }) => parent === command)
    .map((child) => [page(wordsOf(child)), child.description()]);
}

function page(words: readonly string[]): string {
  return `${bold(words.join('-'))}(1)`;
}

function seeAlso(command: Command): string[] {
  const { parent } = command;
  if (parent === null) return [];
  const others = withPages(parent).filter((one) => one.parent === parent && one !== command);
  const beside = parent.parent === null ? [] : others;
  return [[parent, ...beside].map((one) => page(wordsOf(one))).join(',\n')];
}

/** What help shows below the options. */
function helpAfter(command: Command): string {
  const parts: string[] = [];
  // Commander keeps it behind an event, and types do not say that a command is an emitter.
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (part: string) => parts.push(part),
  });
  return parts.join('');
}

/** Help in two: examples, and all else; lines that are indented stay as they are, others are filled. */
function splitHelp(plain: string): { readonly description: string[]; readonly examples: string[] } {
  const [description, examples]: [string[], string[]] = [[], []];
  let into = description;
  let isVerbatim = false;
  const end = () => {
    if (isVerbatim) into.push('.EE', '.RE');
    isVerbatim = false;
  };
  for (const [index, given] of plain.trim().split('\n').entries()) {
    const isIndented = /^ {2}/.test(given);
    if (!isIndented && (given === '' || index === 0 || isVerbatim)) {
      end();
      into.push('.PP');
    }
    const isHeading = /^Examples?:$/.test(given);
    if (isHeading) into = examples;
    if (given === '' || isHeading) continue;
    if (isIndented && !isVerbatim) {
      into.push('.RS 2', '.EX');
      isVerbatim = true;
    }
    into.push(lineOf(isIndented ? given.slice(2) : given));
  }
  end();
  return { description: tidy(description), examples: tidy(examples) };
}

/** A paragraph begins once, and not where nothing follows. */
function tidy(lines: readonly string[]): string[] {
  return lines.filter((one, index) => {
    const next = lines[index + 1];
    return one !== '.PP' || (index > 0 && next !== undefined && next !== '.PP');
  });
}
