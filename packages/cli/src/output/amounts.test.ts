import { describe, expect, it } from '@jest/globals';
import { moneyShown, numberShown } from './amounts.js';

describe('an amount', () => {
  it.each([
    [0, '0.00 USD'],
    [1, '0.000000001 USD'],
    [492_600, '0.0004926 USD'],
    [123_456_789, '0.1235 USD'],
    [1_000_000_000, '1.00 USD'],
    [12_345_678_900_000, '12,345.68 USD'],
    [Number.MAX_SAFE_INTEGER, '9,007,199.25 USD'],
  ])('of %d billionths of a dollar is %s', (nanos, shown) => {
    expect(moneyShown({ currency: 'USD', nanos })).toBe(shown);
  });

  it.each([
    [0, '0'],
    [999, '999'],
    [1_204_311, '1,204,311'],
  ])('of %d is %s', (value, shown) => {
    expect(numberShown(value)).toBe(shown);
  });
});
