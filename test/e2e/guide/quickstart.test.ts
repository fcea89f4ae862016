import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { patternOf, shownCommands } from './console-blocks.js';
import { runShown, runSigned } from './shell.js';

const repository = resolve(import.meta.dirname, '../../..');

let folder: string;
let running: RunningCommand;
let settings: Readonly<Record<string, string>>;
let page: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-quickstart-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  page = await readFile(join(repository, 'docs/guide/quickstart.md'), 'utf8');
  running = await startUp(settings);
});
afterAll(async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

it('every command of the quickstart prints what the page shows, one after the other', async () => {
  const commands = shownCommands(page);
  expect(commands.length).toBeGreaterThan(10);
  for (const { line, command, output, status } of commands) {
    // What is redirected is not on the page: there the talk beside it is.
    const run = /^npx bulla prompt (promote|rollback) /.test(command) ? runSigned : runShown;
    const ended = await run(command, folder, settings);
    const at = `docs/guide/quickstart.md:${line} ${command}`;
    expect({ at, status: ended.status, output: ended.output }).toEqual({
      at,
      status,
      output: expect.stringMatching(patternOf(output)),
    });
  }
});

it('begins with the one command that the tests of a fresh clone start', () => {
  expect([...page.matchAll(/^```sh\n([^`]*)```/gm)].map(([, commands]) => commands)).toEqual(['npm start\n']);
});

it('the page is held to what it shows: another output is seen', () => {
  const [first] = shownCommands('```console\n$ echo one\n…two\n```');
  expect(first).toEqual({ line: 2, command: 'echo one', output: '…two\n', status: 0 });
  expect('one\n').not.toMatch(patternOf(first?.output ?? ''));
  expect('and two\n').toMatch(patternOf(first?.output ?? ''));
});
