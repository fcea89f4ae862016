import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf } from './console-blocks.js';
import { GuidePage, isAbout, unnamed } from './guide-page.js';
import { NOT_RUN } from './not-run.js';

// What the guide shows is run by a test of this folder, or named in not-run.ts with the reason.

const repository = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const guide = readdirSync(join(repository, 'docs/guide')).map((name) => `docs/guide/${name}`);
const pages = ['README.md', 'docs/problems.md', ...guide.filter((path) => path.endsWith('.md'))];

/** Pages that a test walks through, which fails where anything of them is left. */
const walked = new Set(
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => [
      ...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/itKeepsTo\(\{\s*path: '([^']+)'/g),
    ])
    .map(([, path]) => path),
);

const PLANTED = '```console\n$ bulla moon --up\n```\n\n```yaml\nmoon: full\n```\n';

describe('the guide', () => {
  it('shows nothing that no test runs and no exception names', () => {
    expect(pages.length).toBeGreaterThan(10);
    const left = pages.filter((path) => !walked.has(path)).flatMap((path) => unnamed(path, blocksOf(read(path))));
    expect(left.map(({ at }) => at)).toEqual([]);
  });

  it('would be seen to show a command or a file that nobody runs, and is not where it is named or run', async () => {
    const at = (notRun: Parameters<typeof unnamed>[2]) =>
      unnamed('moon.md', blocksOf(PLANTED), notRun).map((one) => one.at);
    expect(at([])).toEqual(['moon.md:2 bulla moon --up', 'moon.md:5 moon: full']);
    expect(at([{ page: 'moon.md', begins: 'bulla moon', why: 'far' }])).toEqual(['moon.md:5 moon: full']);
    expect(at([{ page: 'sun.md', begins: '', why: 'far' }])).toHaveLength(2);
    const page = new GuidePage('moon.md', '```console\n$ echo up\nup\n$ echo down\n```\n');
    expect(page.left()).toHaveLength(2);
    const [up, down] = page.commands;
    await page.run(up === undefined ? [] : [up], repository, {});
    expect(page.left()).toEqual(['moon.md:4 echo down']);
    await expect(page.run(down === undefined ? [] : [down], repository, {})).rejects.toThrow('moon.md:4 echo down');
  });

  it('has no exception for what it does not show, nor one whose test is gone', () => {
    const stale = NOT_RUN.filter(
      (one) =>
        !unnamed(one.page, blocksOf(read(one.page)), []).some(({ language, text }) =>
          isAbout(one, one.page, language, text),
        ),
    );
    expect(stale).toEqual([]);
    const gone = NOT_RUN.filter(
      ({ by }) => by !== undefined && !(existsSync(join(repository, by.file)) && read(by.file).includes(by.says)),
    );
    expect(gone).toEqual([]);
    expect(NOT_RUN.filter(({ why }) => why.length < 5)).toEqual([]);
  });
});
