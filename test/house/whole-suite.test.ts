import { describe, expect, it } from '@jest/globals';
import { isWholeSuite } from '../../scripts/whole-suite.mjs';

describe('coverage gate', () => {
  it.each([[[]], [['--verbose']], [['--ci', '--maxWorkers=1']]])('holds for jest %j', (args: string[]) =>
    expect(isWholeSuite(args)).toBe(true),
  );

  it.each([
    [['packages/crypto']],
    [['--selectProjects', 'crypto']],
    [['-t', 'refuses']],
    [['--shard=1/2']],
    [['--maxWorkers', '1']],
  ])('does not hold for jest %j', (args: string[]) => expect(isWholeSuite(args)).toBe(false));
});
