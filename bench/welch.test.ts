import { describe, expect, it } from '@jest/globals';
import { compare, welch } from './welch.js';

/** The same numbers every time: 0 to 1, of no pattern that matters here. */
function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647);
}

describe("Welch's test", () => {
  it.each([
    [[1, 2, 3, 4], [2, 4, 6, 8], 2.5 / Math.sqrt(5 / 3 / 4 + 20 / 3 / 4)],
    [[10, 12], [10, 12], 0],
    [[5, 5, 6], [1, 1, 2], -4 / Math.sqrt(1 / 9 + 1 / 9)],
  ])('of %j and %j says %d', (first, second, t) => expect(welch(first, second).t).toBeCloseTo(t));

  it('says nothing about one sample', () => expect(() => welch([1], [1, 2])).toThrow('fewer than two'));

  it('finds no difference in what is the same', () => {
    const { differs, difference, noticeable } = compare(numbers(5000, 7), numbers(5000, 11));
    expect(differs).toBe(false);
    expect(Math.abs(difference)).toBeLessThan(noticeable);
  });

  // A planted difference: a test that does not see it would call every pair equal.
  it('finds a small difference, below and above', () => {
    const first = numbers(5000, 7);
    const second = numbers(5000, 11);
    expect(
      compare(
        first,
        second.map((value) => value + 0.1),
      ),
    ).toMatchObject({ differs: true });
    expect(
      compare(
        first.map((value) => value + 0.1),
        second,
      ).t,
    ).toBeLessThan(-4.5);
  });

  it('does not let a few that waited long decide', () => {
    const first = numbers(5000, 7);
    const late = numbers(5000, 11).map((value, at) => (at % 50 === 0 ? value + 1000 : value));
    expect(welch(first, late).differs).toBe(true);
    expect(compare(first, late).differs).toBe(false);
  });
});
