import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readTestSettings, writeRunSetting } from './settings.js';
import { announceRun, currentRun, isLeftover, prefixOf } from './test-run.js';

describe('the run of a process', () => {
  const around = readTestSettings().run;
  afterEach(() => writeRunSetting(around));

  it('is what its parent told it, else one of its own', () => {
    const own = { prefix: prefixOf(process.pid) };
    announceRun(undefined);
    expect([currentRun(), readTestSettings().run]).toEqual([own, undefined]);
    const told = {
      prefix: prefixOf(1),
      template: 'a',
      pglite: { empty: '/b' },
      server: { url: 'postgresql://c', reason: 'd' },
    };
    announceRun(told);
    expect(currentRun()).toEqual(told);
    expect(spawnSync(process.execPath, ['-p', 'process.env.TESTKIT_RUN']).stdout.toString()).toContain(told.prefix);
  });
});

describe('what a process left behind', () => {
  it('is told by its name once the process has ended', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    expect(isLeftover(`${prefixOf(pid)}_a`)).toBe(true);
    expect(isLeftover(`${prefixOf(process.pid)}_a`)).toBe(false);
    // Not ours to signal, and alive.
    expect(isLeftover(`${prefixOf(1)}_a`)).toBe(false);
  });

  it('is nothing of another machine, and nothing of another kind', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    const elsewhere = prefixOf(pid).replace(/_[0-9a-f]{8}_/, (own) =>
      own === '_00000000_' ? '_00000001_' : '_00000000_',
    );
    for (const name of [`${elsewhere}_a`, 'postgres', 'bulla_test_00112233', `x${prefixOf(pid)}_a`, prefixOf(pid)]) {
      expect([name, isLeftover(name)]).toEqual([name, false]);
    }
  });
});
