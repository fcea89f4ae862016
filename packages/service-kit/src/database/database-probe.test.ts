import { describe, expect, it } from '@jest/globals';
import { databaseProbe } from './database-probe.js';
import { EventLog } from '../observe/event-log.js';
import { TestClock } from '../testing/clock.js';

const NOW_MS = 1_800_000_000_000;

/** Probes a database whose clock is ahead by this much and whose answer takes this long. */
async function probe(aheadMs: number, tookSeconds = 0): Promise<{ passes: boolean; lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const clock = new TestClock(NOW_MS);
  const nowMs = async () => {
    clock.advance(tookSeconds);
    return NOW_MS + aheadMs;
  };
  const passes = await databaseProbe({ nowMs }, clock, new EventLog({ service: 'tiny', stream }))().then(
    () => true,
    () => false,
  );
  return { passes, lines };
}

describe('the probe of the database', () => {
  it.each([
    ['the same time', 0, 0],
    ['five seconds ahead', 5_000, 0],
    ['five seconds behind', -5_000, 0],
    ['late, with the time at which it was asked', 0, 60],
    ['late, with the time at which it answered', 60_000, 60],
  ])('passes with %s', async (_name, aheadMs, tookSeconds) => {
    expect(await probe(aheadMs, tookSeconds)).toEqual({ passes: true, lines: [] });
  });

  it.each([
    ['ahead', 5_001, 0],
    ['behind', -5_001, 0],
    ['behind, however late it answers', -5_001, 60],
    ['ahead of even its late answer', 65_001, 60],
  ])('fails with more than five seconds %s, and the log says how many', async (_name, aheadMs, tookSeconds) => {
    expect(await probe(aheadMs, tookSeconds)).toMatchObject({
      passes: false,
      lines: [{ level: 'error', event: 'clock-drifted', driftMs: 5_001 }],
    });
  });

  it('fails as the database does', async () => {
    const lost = Object.assign(new Error('no server'), { code: 'ECONNREFUSED' });
    const log = new EventLog({ service: 'tiny', level: 'silent' });
    const probing = databaseProbe({ nowMs: () => Promise.reject(lost) }, new TestClock(), log)();
    await expect(probing).rejects.toBe(lost);
  });
});
