import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Clock } from '../process/clock.js';
import { PacedLook } from './paced-look.js';

const INTERVAL_MS = 100;

/** A look that ends when it is told to. */
function held() {
  const begun: { readonly atMs: number; readonly end: PromiseWithResolvers<void> }[] = [];
  const look = () => {
    const end = Promise.withResolvers<void>();
    begun.push({ atMs: performance.now(), end });
    return end.promise;
  };
  return { begun, paced: new PacedLook({ look, intervalMs: INTERVAL_MS, clock: new Clock() }) };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await pause(1);
}

describe('a look', () => {
  it('is one for all who ask before it begins, and another for who asks after that', async () => {
    const { begun, paced } = held();
    const first = [paced.next(), paced.next()];
    await until(() => begun.length === 1);
    expect(paced.running).toBeDefined();
    const second = [paced.next(), paced.next(), paced.next()];
    begun[0]?.end.resolve();
    await Promise.all(first);
    await until(() => begun.length === 2);
    begun[1]?.end.resolve();
    await Promise.all(second);
    expect([begun.length, paced.running]).toEqual([2, undefined]);
    // Timers may be early by one millisecond.
    expect((begun[1]?.atMs ?? 0) - (begun[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(INTERVAL_MS - 2);
  });

  it('that fails does so for those who waited for it, and for nobody else', async () => {
    const { begun, paced } = held();
    const first = paced.next();
    await until(() => begun.length === 1);
    const second = paced.next();
    begun[0]?.end.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await until(() => begun.length === 2);
    begun[1]?.end.resolve();
    await expect(second).resolves.toBeUndefined();
  });
});
