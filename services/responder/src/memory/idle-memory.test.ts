import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { IdleMemory } from './idle-memory.js';

const IDLE_MS = 5;
/** Many times as long as two collections take to come. */
const LONG_MS = 100;

it.each([
  ['twice once nothing runs', () => undefined, 2],
  ['not while something runs again', (memory: IdleMemory) => memory.busy(), 0],
  ['not once its service has ended', (memory: IdleMemory) => memory.stop(), 0],
])('memory is cleaned up %s', async (_name, then, expected) => {
  const collected: number[] = [];
  const memory = new IdleMemory(IDLE_MS, () => {
    collected.push(performance.now());
  });
  memory.busy();
  memory.idle();
  then(memory);
  while (collected.length < expected) await pause(IDLE_MS);
  await pause(LONG_MS);
  expect(collected).toHaveLength(expected);
});
