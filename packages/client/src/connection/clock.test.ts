import { describe, expect, it } from '@jest/globals';
import { clockOf } from './clock.js';

describe('the clock of a client', () => {
  it('is the one that was given, or that of the platform, in whole seconds', () => {
    expect(clockOf(() => 1_800_000_000)()).toBe(1_800_000_000);
    expect(Number.isSafeInteger(clockOf()())).toBe(true);
  });

  it.each([Number.NaN, 1.5, Number.POSITIVE_INFINITY])('is refused where it says %s', (said) => {
    expect(clockOf(() => said)).toThrow(TypeError);
  });
});
