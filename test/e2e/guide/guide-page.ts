import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { type Block, blocksOf, patternOf, type ShownCommand } from './console-blocks.js';
import type { NotRun } from './not-run.js';
import { NOT_RUN } from './not-run.js';
import { runShown, runSigned, type Shown } from './shell.js';

const repository = resolve(import.meta.dirname, '../../..');
const LONGEST_MS = 300_000;

/** A page of the guide, and what of it was run. */
export class GuidePage {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** That one types, in their order, without those that are named as not run. */
  readonly commands: readonly ShownCommand[];
  readonly #taken = new Set<Block | ShownCommand>();

  constructor(path: string, text = readFileSync(join(repository, path), 'utf8')) {
    this.path = path;
    this.text = text;
    this.blocks = blocksOf(text);
    this.commands = unnamed(path, this.blocks).flatMap(({ part }) => ('command' in part ? [part] : []));
  }

  /** The nth block of a language, which the test uses as it stands. */
  use(language: string, nth = 0): string {
    const block = this.blocks.filter((one) => one.language === language)[nth];
    if (block === undefined) throw new Error(`${this.path} has fewer blocks of ${language}`);
    this.#taken.add(block);
    return block.text;
  }

  /** Says that a command is run. */
  take(command: ShownCommand): string {
    this.#taken.add(command);
    return `${this.path}:${command.line} ${command.command}`;
  }

  /** Runs the next commands as they stand; each ends as the page says, with what the page shows. */
  async run(
    commands: readonly ShownCommand[],
    cwd: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<readonly Shown[]> {
    const all: Shown[] = [];
    for (const shown of commands) {
      const at = this.take(shown);
      const ended = await runAsShown(shown, cwd, settings);
      expectShown(at, shown, ended);
      all.push(ended);
    }
    return all;
  }

  /** What was neither run nor used, and is not named as such. */
  left(): string[] {
    return unnamed(this.path, this.blocks)
      .filter(({ part }) => !this.#taken.has(part))
      .map(({ at }) => at);
  }
}

function runAsShown(
  { command }: ShownCommand,
  cwd: string,
  settings: Readonly<Record<string, string>>,
): Promise<Shown> {
  const isSigned = /^(npx )?bulla prompt (promote|rollback) /.test(command);
  return (isSigned ? runSigned : runShown)(command, cwd, settings);
}

function expectShown(at: string, { output, status }: ShownCommand, ended: Shown): void {
  expect({ at, status: ended.status, output: ended.output }).toEqual({
    at,
    status,
    output: expect.stringMatching(patternOf(output)),
  });
}

/** A command, or a block that nobody types. */
interface Part {
  readonly part: Block | ShownCommand;
  readonly language: string;
  readonly text: string;
  readonly at: string;
}

/** What of a page has to be run or used. */
export function unnamed(path: string, blocks: readonly Block[], notRun: readonly NotRun[] = NOT_RUN): Part[] {
  return blocks
    .flatMap((block): Part[] => {
      const { language } = block;
      const place = (line: number, text: string) => `${path}:${line} ${text.split('\n')[0] ?? ''}`;
      if (block.commands.length === 0)
        return [{ part: block, language, text: block.text, at: place(block.line, block.text) }];
      return block.commands.map((part) => ({ part, language, text: part.command, at: place(part.line, part.command) }));
    })
    .filter(({ language, text }) => !notRun.some((one) => isAbout(one, path, language, text)));
}

export function isAbout({ page, language, begins }: NotRun, path: string, ofLanguage: string, text: string): boolean {
  return page === path && (language ?? ofLanguage) === ofLanguage && text.startsWith(begins);
}

/** How a test goes through a page. */
interface Walk {
  readonly path: string;
  /** What the page does, behind its name. */
  readonly says: string;
  readonly walk: (page: GuidePage) => Promise<void>;
}

/** A test that walks through a page; it fails where anything of the page is left that is not named in NOT_RUN. */
export function itKeepsTo({ path, says, walk }: Walk): void {
  it(
    `${path} ${says}`,
    async () => {
      const page = new GuidePage(path);
      await walk(page);
      expect(page.left()).toEqual([]);
    },
    LONGEST_MS,
  );
}

/** Files of a folder that git would offer to commit, if the page were followed in a clone. */
export function unignored(folder: string, but: readonly string[] = []): string[] {
  const names = readdirSync(folder, { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .filter((name) => !but.includes(name));
  const { stdout } = spawnSync('git', ['check-ignore', '--no-index', '--stdin'], {
    cwd: repository,
    encoding: 'utf8',
    input: names.join('\n'),
  });
  const ignored = new Set(stdout.split('\n'));
  return names.filter((name) => !ignored.has(name));
}
