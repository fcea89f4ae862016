import { describe, expect, it } from '@jest/globals';
import jestConfig from '../../jest.config.mjs';
import { isWholeSuite, tiers } from '../../scripts/testing/selection.mjs';

describe('a whole run', () => {
  it.each([[[]], [['--verbose']], [['--ci', '--maxWorkers=1']], [['--randomize']]])('is jest %j', (args: string[]) =>
    expect(isWholeSuite(args)).toBe(true),
  );

  it.each([
    [['packages/crypto']],
    [['--selectProjects', 'crypto']],
    [['-t', 'refuses']],
    [['--shard=1/2']],
    [['--maxWorkers', '1']],
  ])('is not jest %j', (args: string[]) => expect(isWholeSuite(args)).toBe(false));

  it("has every project but that of other people's apps in one of its parts, and counts coverage in that of the workspaces", () => {
    const projects = jestConfig.projects.map(({ displayName }) => displayName);
    const parts = tiers(projects);
    expect(parts.flatMap(({ args }) => args.filter((argument) => !argument.startsWith('--'))).toSorted()).toEqual(
      projects.filter((name) => name !== 'apps').toSorted(),
    );
    expect(parts.filter(({ coverage }) => coverage).map(({ args }) => args)).toEqual([
      ['--selectProjects', ...projects.filter((name) => !['test', 'alone', 'apps'].includes(name)), '--maxWorkers=3'],
    ]);
  });

  it('runs three files at once where files wait, unless it was told how many', () => {
    expect(tiers(['cli'])[0]?.args).toEqual(['--selectProjects', 'cli', '--maxWorkers=3']);
    expect(tiers(['test'])[1]?.args).toEqual(['--selectProjects', 'test', '--maxWorkers=3']);
    expect(tiers(['test'], ['--maxWorkers=1'])[1]?.args).toEqual(['--selectProjects', 'test']);
  });

  it('runs what needs the machine to itself last, one file at a time', () =>
    expect(tiers(['test', 'alone']).at(-1)?.args).toEqual(['--selectProjects', 'alone', '--runInBand']));
});
