import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningCommand, startUp } from '../../bulla-command.js';
import { blocksOf, patternOf } from './console-blocks.js';
import { GuidePage, itKeepsTo, unignored } from './guide-page.js';

let folder: string;
let running: RunningCommand;
let settings: Readonly<Record<string, string>>;
const begin = async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-quickstart-'));
  settings = { BULLA_HOME: join(folder, 'home') };
  running = await startUp(settings);
};
const end = async () => {
  await running.stop();
  await rm(folder, { recursive: true, force: true });
};

describe('in a folder where nothing was done', () => {
  beforeAll(begin);
  afterAll(end);

  itKeepsTo({
    path: 'docs/guide/quickstart.md',
    says: 'prints what it shows, one command after the other',
    walk: async (page) => {
      expect(page.commands.length).toBeGreaterThan(10);
      await page.run(page.commands, folder, settings);
    },
  });
});

describe('in a clone, from its first page on', () => {
  beforeAll(begin);
  afterAll(end);

  itKeepsTo({
    path: 'README.md',
    says: 'leads to an answer that verifies, and the quickstart goes on from there',
    walk: async (page) => {
      expect(page.commands.length).toBeGreaterThan(5);
      // The app and what it is installed with, as they lie in a clone.
      await symlink(join(import.meta.dirname, '../../../examples'), join(folder, 'examples'));
      const shown = await page.run(page.commands, folder, settings);
      expect(shown.at(-1)?.output).toContain('\nVALID as of ');
      const quickstart = new GuidePage('docs/guide/quickstart.md');
      await quickstart.run(quickstart.commands, folder, settings);
      expect(unignored(folder, ['home/', 'examples'])).toEqual([]);
    },
  });
});

it('begins with the one command that the tests of a fresh clone start', () => {
  const { blocks } = new GuidePage('docs/guide/quickstart.md');
  expect(blocks.filter(({ language }) => language === 'sh').map(({ text }) => text)).toEqual(['npm start\n']);
});

it('the page is held to what it shows: another output is seen', () => {
  const [first] = blocksOf('```console\n$ echo one\n…two\n```')[0]?.commands ?? [];
  expect(first).toEqual({ line: 2, command: 'echo one', output: '…two\n', status: 0 });
  expect('one\n').not.toMatch(patternOf(first?.output ?? ''));
  expect('and two\n').toMatch(patternOf(first?.output ?? ''));
});
