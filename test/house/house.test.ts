import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkHouse, HOUSE_CHECKS } from '../../scripts/house.mjs';
import { sourceFiles } from '../../scripts/source-files.mjs';
import { repository } from '../../scripts/workspaces.mjs';
import { Plot } from './tool.js';

const { scripts } = JSON.parse(readFileSync(`${repository}/package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};

describe('npm run house', () => {
  const plot = new Plot();
  const printed: string[] = [];
  let results: { name: string; passed: boolean; seconds: number }[];
  beforeAll(async () => {
    plot.plant(
      'package.json',
      JSON.stringify({
        scripts: {
          bad: `node -e "console.log('on output'); console.error('on errors'); process.exitCode = 3"`,
          good: `node -e "console.log('nothing found')"`,
          gone: 'no-such-program --check',
          killed: `node -e "process.kill(process.pid)"`,
        },
      }),
    );
    const names = ['bad', 'good', 'gone', 'killed'];
    results = await checkHouse({ names, folder: plot.folder, print: (text) => printed.push(text) });
  });
  afterAll(() => plot.remove());

  it('says of each check whether it passed, and how long it took', () => {
    expect(results.map(({ name, passed }) => [name, passed])).toEqual([
      ['bad', false],
      ['good', true],
      ['gone', false],
      ['killed', false],
    ]);
    expect(results.every(({ seconds }) => seconds > 0)).toBe(true);
    const lines = printed.filter((text) => /^(passed|FAILED) /.test(text));
    expect(lines.map((line) => line.replace(/ +\d+\.\d s {2}/, ' ')).toSorted()).toEqual([
      'FAILED bad',
      'FAILED gone',
      'FAILED killed',
      'passed good',
    ]);
  });

  it('prints what a check wrote only when it failed', () => {
    const text = printed.join('\n');
    expect(text).toMatch(/^on output$/m);
    expect(text).toMatch(/^on errors$/m);
    expect(text).toContain('no-such-program');
    expect(text).not.toContain('nothing found');
  });

  it('ends what runs and begins no more when it is stopped', async () => {
    plot.plant(
      'waiting/package.json',
      JSON.stringify({ scripts: { one: 'sleep 600', two: 'sleep 600', three: 'true' } }),
    );
    const stopped = new AbortController();
    const ending = checkHouse({
      names: ['one', 'two', 'three'],
      folder: `${plot.folder}/waiting`,
      signal: stopped.signal,
      print: () => undefined,
    });
    stopped.abort();
    const ended = await ending;
    expect(ended.map(({ name, passed }) => [name, passed])).toEqual([
      ['one', false],
      ['two', false],
    ]);
  });

  it('refuses the name of a check that there is not', async () => {
    await expect(checkHouse({ names: ['good', 'types'], folder: plot.folder })).rejects.toThrow('no script types');
  });
});

describe('checks of the house', () => {
  it('are these', () => expect(HOUSE_CHECKS.toSorted()).toEqual(['depcheck', 'format:check', 'lint', 'types']));

  it.each([
    ['lint', 'oxlint'],
    ['format:check', 'biome format'],
  ])('take the whole tree: %s', (name, command) => expect(scripts[name]).toBe(command));

  it('compile every file that a compiler has settings for', () => {
    const tsc = scripts['build'] ?? '';
    expect(scripts['types']?.startsWith(`${tsc} `)).toBe(true);
    const projects = scripts['types']?.slice(tsc.length + 1).split(' ') ?? [];
    const compiled = new Set<string>();
    const follow = (file: string): void => {
      if (compiled.has(file)) return;
      compiled.add(file);
      const { references = [] } = JSON.parse(readFileSync(join(repository, file), 'utf8')) as {
        references?: { path: string }[];
      };
      for (const { path } of references) {
        const target = normalize(join(dirname(file), path));
        follow(target.endsWith('.json') ? target : `${target}/tsconfig.json`);
      }
    };
    projects.forEach(follow);
    const settings = sourceFiles().filter((file) => /(^|\/)tsconfig[^/]*\.json$/.test(file));
    expect(compiled).toEqual(new Set(settings.filter((file) => file !== 'tsconfig.base.json')));
  });

  it('look at the imports of every folder with code, but that of a tool with packages of its own', () => {
    const [command, ...folders] = scripts['depcheck']?.split(' ') ?? [];
    expect(command).toBe('depcruise');
    const withCode = sourceFiles().filter((file) => /^[^/.]+\/.*\.(ts|mjs|cjs|js)$/.test(file));
    const found = new Set(withCode.map((file) => file.split('/')[0]));
    expect(new Set([...folders, 'stryker'])).toEqual(found);
  });
});
