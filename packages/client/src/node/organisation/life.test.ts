import { describe, expect, it } from '@jest/globals';
import { DAY, isDue, YEAR } from './life.js';

/** The first whole day of a life on which something is due. */
function dayOf(life: number): number {
  for (let day = 0; ; day++) if (isDue(life - day * DAY, life)) return day;
}

describe('what is due', () => {
  it.each([
    ['90 days, so that 60 without anybody are covered', 90 * DAY, 28],
    ['a year', YEAR, 244],
    ['two years', 2 * YEAR, 487],
    ['7 days', 7 * DAY, 3],
  ])('of %s', (_name, life, day) => expect(dayOf(life)).toBe(day));

  it('never ends within the 60 days after the last day on which it is not due', () => {
    for (const life of [90 * DAY, YEAR, 2 * YEAR]) expect(life - dayOf(life) * DAY).toBeGreaterThan(60 * DAY);
  });
});
