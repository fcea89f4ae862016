import { describe, expect, it } from '@jest/globals';
import { goRound } from './rounds.js';

const HOUR = 3_600_000;

/** Goes round with rounds that go as is said, and stops after so many waits. */
async function rounds(
  { outcomes, waits, begun }: { outcomes: readonly boolean[]; waits: number; begun?: boolean },
  everyMs = HOUR,
): Promise<{ readonly done: number; readonly waited: readonly number[] }> {
  const ending = new AbortController();
  const waited: number[] = [];
  let done = 0;
  await goRound({
    round: async () => {
      await Promise.resolve();
      done += 1;
      return outcomes[done - 1] ?? true;
    },
    everyMs,
    ...(begun !== undefined && { begun }),
    signal: ending.signal,
    wait: (ms) => {
      waited.push(ms);
      if (waited.length === waits) ending.abort();
      return Promise.resolve();
    },
  });
  return { done, waited };
}

describe('rounds', () => {
  it('begin at once, come each period, and end with one more', async () => {
    expect(await rounds({ outcomes: [], waits: 3 })).toEqual({ done: 4, waited: [HOUR, HOUR, HOUR] });
  });

  it('do not begin again where the first was done', async () => {
    expect(await rounds({ outcomes: [], waits: 1, begun: true })).toEqual({ done: 1, waited: [HOUR] });
  });

  it('come back within a minute after one that failed, at a moment of chance', async () => {
    const { waited } = await rounds({ outcomes: [false, false, true], waits: 3 });
    const [first = 0, second = 0, third] = waited;
    for (const ms of [first, second]) {
      expect(ms).toBeGreaterThanOrEqual(30_000);
      expect(ms).toBeLessThanOrEqual(60_000);
    }
    expect(first).not.toBe(second);
    expect(third).toBe(HOUR);
    expect((await rounds({ outcomes: [], waits: 1, begun: false })).waited[0]).toBeLessThanOrEqual(60_000);
  });

  it('wait no longer for one that failed than for any other', async () => {
    expect((await rounds({ outcomes: [false], waits: 1 }, 10_000)).waited).toEqual([10_000]);
  });

  it('stop waiting when they are told to end', async () => {
    const ending = new AbortController();
    let done = 0;
    const round = async () => {
      done += 1;
      if (done === 1) setTimeout(() => ending.abort(), 10);
      return Promise.resolve(true);
    };
    await goRound({ round, everyMs: HOUR, signal: ending.signal });
    expect(done).toBe(2);
  });
});
