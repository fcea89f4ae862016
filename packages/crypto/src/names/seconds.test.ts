import { describe, expect, it } from '@jest/globals';
import { requireSeconds } from './seconds.js';

describe('a time', () => {
  it.each([0, 1_800_000_000, -1, Number.MAX_SAFE_INTEGER])('is a whole number: %s', (now) => {
    expect(() => requireSeconds(now)).not.toThrow();
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['half a second', 1_800_000_000.5],
    ['text', '1800000000'],
    ['a date', new Date(1_800_000_000_000)],
    ['too many', 2 ** 53],
  ])('is not %s', (_name, now) => {
    expect(() => requireSeconds(now)).toThrow(TypeError);
  });

  it('is never something that compares as false with every limit [guard: seconds-whole]', () => {
    expect(() => requireSeconds(undefined)).toThrow('a whole number of seconds');
  });
});
