import { describe, expect, it } from '@jest/globals';
import { keepAsking } from './steady-asking.js';
import type { World } from './world.js';

/** Prints what it is told, one run after the other, and the last of it from then on. */
function worldOf(...runs: { code: number; stdout: string; stderr: string }[]): World {
  let at = 0;
  const bulla = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return runs[Math.min(at++, runs.length - 1)];
  };
  return { bulla } as unknown as World;
}

const good = { code: 0, stdout: 'Water.\n', stderr: '' };

describe('asking without pause', () => {
  // The control of every test that says that nothing failed while keys were replaced.
  it.each([
    ['a run that ends with a code', { ...good, code: 8, stderr: 'refused' }, 'refused'],
    ['a run that says something else', { ...good, stdout: 'Fire.\n', stderr: 'other' }, 'other'],
  ])('finds %s, and ends with it', async (_name, bad, said) => {
    const stop = keepAsking(worldOf(good, good, bad, good), ['run'], 'Water.');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await stop()).toEqual({ answered: 2, failed: [said] });
  });

  it('counts what was answered until it is told to stop', async () => {
    const stop = keepAsking(worldOf(good), ['run'], 'Water.');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { answered, failed } = await stop();
    expect(answered).toBeGreaterThan(0);
    expect(failed).toEqual([]);
  });
});
