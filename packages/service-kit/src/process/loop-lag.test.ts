import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { LoopLag } from './loop-lag.js';

const LIMIT_MS = 300;
let lag: LoopLag;
afterEach(() => lag.stop());

const block = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

it('is too high when the loop is late again and again, and not any more afterwards', async () => {
  lag = new LoopLag(LIMIT_MS);
  await pause(50);
  for (let times = 0; times < 50 && !lag.tooHigh; times++) {
    block(2 * LIMIT_MS);
    await pause(0);
  }
  expect(lag.tooHigh).toBe(true);
  while (lag.tooHigh) await pause(50);
  expect(lag.tooHigh).toBe(false);
});

it('is not too high after one long stall', async () => {
  lag = new LoopLag(LIMIT_MS);
  await pause(50);
  block(3 * LIMIT_MS);
  await pause(0);
  expect(lag.tooHigh).toBe(false);
});
