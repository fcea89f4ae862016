import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { EXIT } from '../../../packages/cli/src/output/exit-code.js';
import { sourceFiles } from '../../../scripts/source-files.mjs';
import { bulla } from '../../bulla-command.js';
import { blocksOf } from './console-blocks.js';
import { faultsOf } from './named-command.js';

// A reader who sees a command on a page, in a help or in a hint can type it: it exists, with the options shown there.

const repository = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

/** Commands of this project that a text names between backticks, or at the beginning of a line of help. */
function namedIn(text: string): string[] {
  return [
    ...text.replaceAll('\\`', '`').matchAll(/`((?:[A-Z_]+=\S+ )?(?:npx )?bulla [^`\n$]+)`/g),
    ...text.matchAll(/^ {2}\$ ((?:[A-Z_]+=\S+ )?bulla .+)$/gm),
  ].map(([, command = '']) => command);
}

/** What of it is behind `bulla`, up to what the shell does with it and to a remark. */
function argsOf(command: string): string[] {
  const [, args = ''] = /\bbulla (.*)/.exec(command) ?? [];
  const [line = ''] = args.split(/ {2,}|`| [|<>#&] |;/);
  return line
    .replaceAll(/"[^"]*"|'[^']*'/g, 'TEXT')
    .split(' ')
    .map((word) => word.replace(/[.,;:)]+$/, ''));
}

async function faultsIn(commands: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const command of new Set(commands))
    for (const fault of await faultsOf(argsOf(command))) faults.push(`${command}: ${fault}`);
  return faults;
}

it('pages name only commands and options that there are', async () => {
  const guide = readdirSync(join(repository, 'docs/guide')).map((name) => `docs/guide/${name}`);
  const pages = ['README.md', 'SECURITY.md', 'ARCHITECTURE.md', 'docs/problems.md', ...guide];
  const commands = pages.flatMap((path) => [
    ...namedIn(read(path)),
    ...blocksOf(read(path)).flatMap((block) => block.commands.map(({ command }) => command.split('\n')[0] ?? '')),
  ]);
  const ours = commands.filter((command) => /^([A-Z_]+=\S+ )?(npx )?bulla /.test(command));
  expect(ours.length).toBeGreaterThan(150);
  expect(await faultsIn(ours)).toEqual([]);
});

it('helps, hints and messages name only commands and options that there are', async () => {
  const sources = sourceFiles().filter((path) => /^(packages|services)\/[^/]+\/src\/.*(?<!\.test)\.ts$/.test(path));
  const commands = sources.flatMap((path) => namedIn(read(path)));
  expect(commands.length).toBeGreaterThan(100);
  expect(await faultsIn(commands)).toEqual([]);
});

it('the help and the page of the command have the exit codes that commands end with', async () => {
  const codes = Object.values(EXIT);
  const inTable = [...read('docs/guide/cli.md').matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
  const { stdout } = await bulla(['help'], {});
  const [, listed = ''] = /^Exit codes:\n {2}([^]*)$/m.exec(stdout) ?? [];
  expect(inTable).toEqual(codes);
  expect([...listed.matchAll(/(?:^|,)\s+?(\d+) /g)].map(([, code]) => Number(code))).toEqual(codes.slice(1));
  expect(listed).toMatch(/^0 ok,/);
});

it('a command or an option that there is not is seen', async () => {
  expect(namedIn('run `bulla moon rise`; see \\`bulla doctor\\`')).toEqual(['bulla moon rise', 'bulla doctor']);
  expect(
    await faultsIn(['bulla moon rise', 'bulla prompt rise', 'bulla trust renew --moon', 'bulla -x doctor']),
  ).toEqual([
    'bulla moon rise: there is no command moon',
    'bulla prompt rise: there is no command prompt rise',
    'bulla trust renew --moon: trust renew has no --moon',
    'bulla -x doctor: doctor has no -x',
  ]);
  expect(await faultsIn(['npx bulla prompt push claims/triage -f FILE --label LABEL -m "first"'])).toEqual([]);
});
