import { randomInt } from 'node:crypto';
import { readTestSettings } from './settings.js';

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let drawn: number | undefined;

/**
 * The seed of this run: `BULLA_TEST_SEED`, which `npm test` sets and prints. A test run without it draws one and tells
 * it on standard error: with it the same choices come again.
 * @throws {Error} if it is no whole number
 */
export function seedOfRun(): number {
  const given = readTestSettings().seed ?? drawn;
  if (given !== undefined) return given;
  drawn = randomInt(2 ** 32);
  process.stderr.write(`BULLA_TEST_SEED=${drawn}\n`);
  return drawn;
}

/** Whether this run tries everything (`npm run test:long`): each case of what is else sampled, all rounds of kills. */
export function isLongRun(): boolean {
  return readTestSettings().long;
}

/**
 * Of many cases so many, in their order, that the seed of the run chose; all of them in a long run.
 * @param most 1 or more
 */
export function sampled<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (isLongRun() || items.length <= most) return items;
  const random = randomFrom(seedOfRun());
  // Selection sampling (Knuth, TAOCP 2, 3.4.2 S): each subset of this size is as likely.
  let wanted = most;
  return items.filter((_item, at) => {
    if (random() * (items.length - at) >= wanted) return false;
    wanted -= 1;
    return true;
  });
}
