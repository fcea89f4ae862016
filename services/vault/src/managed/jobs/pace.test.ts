import { Clock, InFlight } from '@bulla/service-kit';
import { describe, expect, it } from '@jest/globals';
import { Pace } from './pace.js';

class SetClock extends Clock {
  ms = 0;

  override monotonicMs(): number {
    return this.ms;
  }
}

/** Does a step of twenty milliseconds after a second in which so many requests came. @returns how long it was paused then */
async function pausedAfter(requests: number): Promise<number> {
  const clock = new SetClock();
  const inFlight = new InFlight();
  const pace = new Pace(clock, inFlight);
  for (let count = 0; count < requests; count++) inFlight.begin();
  clock.ms += 1_000;
  const begun = performance.now();
  const result = await pace.keep(async () => {
    clock.ms += 20;
    return 'done';
  });
  expect(result).toBe('done');
  return performance.now() - begun;
}

describe('work that nobody waits for', () => {
  it('takes a tenth of the time while requests come', async () => {
    expect(await pausedAfter(100)).toBeGreaterThanOrEqual(175);
  });

  it('does not pause for a person who watches', async () => {
    expect(await pausedAfter(5)).toBeLessThan(100);
  });
});
