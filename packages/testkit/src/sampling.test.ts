import { afterEach, describe, expect, it } from '@jest/globals';
import { isLongRun, randomFrom, sampled, seedOfRun } from './sampling.js';

const before = { seed: process.env['BULLA_TEST_SEED'], long: process.env['BULLA_TEST_LONG'] };
const set = (name: 'SEED' | 'LONG', value: string | undefined) => {
  if (value === undefined) delete process.env[`BULLA_TEST_${name}`];
  else process.env[`BULLA_TEST_${name}`] = value;
};
afterEach(() => {
  set('SEED', before.seed);
  set('LONG', before.long);
});

const numbers = Array.from({ length: 500 }, (_, at) => at);

describe('sampled cases', () => {
  it('are so many, each once and in their order', () => {
    set('LONG', undefined);
    const some = sampled(numbers, 40);
    expect(some).toHaveLength(40);
    expect(some.toSorted((a, b) => a - b)).toEqual(some);
    expect(new Set(some).size).toBe(40);
  });

  it('are the same for the same seed, and others for another', () => {
    set('LONG', undefined);
    set('SEED', '7');
    const some = sampled(numbers, 40);
    expect(sampled(numbers, 40)).toEqual(some);
    set('SEED', '8');
    expect(sampled(numbers, 40)).not.toEqual(some);
  });

  it('reach every case with one seed or another', () => {
    set('LONG', undefined);
    const reached = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      set('SEED', String(seed));
      for (const one of sampled(numbers, 40)) reached.add(one);
    }
    expect(reached.size).toBe(numbers.length);
  });

  it('are all of them in a long run, and where there are no more', () => {
    set('LONG', undefined);
    expect(sampled([1, 2, 3], 3)).toEqual([1, 2, 3]);
    set('LONG', '1');
    expect(isLongRun()).toBe(true);
    expect(sampled(numbers, 40)).toEqual(numbers);
  });
});

describe('the seed of a run', () => {
  it('is the one that was given', () => {
    set('SEED', '4711');
    expect(seedOfRun()).toBe(4711);
  });

  it('is drawn once where none was given', () => {
    set('SEED', undefined);
    expect(seedOfRun()).toBe(seedOfRun());
  });

  it('is refused unless it is a whole number', () => {
    set('SEED', 'seven');
    expect(() => seedOfRun()).toThrow('BULLA_TEST_SEED is no whole number');
  });
});

it('numbers from a seed are from 0 to 1, and come again', () => {
  const of = (seed: number) => Array.from({ length: 20 }, randomFrom(seed));
  expect(of(7)).toEqual(of(7));
  expect(of(7)).not.toEqual(of(8));
  for (const one of of(7)) expect(one >= 0 && one < 1).toBe(true);
});
