import type { TreeHead } from '@bulla/crypto/log';
import { databaseForTest, isLongRun, randomFrom, seedOfRun } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Death } from './sequencer-kills.js';
import { killIn, WAYS } from './sequencer-kills.js';
import type { SequencerWorld } from './sequencer-world.js';
import { startSequencers } from './sequencer-world.js';

// Two vaults on one database, of which now one and now the other writes the log: each is killed with -9 while it does.

const KILLS = isLongRun() ? 20 : 2;
const database = await databaseForTest();
const url = database.url ?? '';
const withServer = url === '' ? describe.skip : describe;
const seed = seedOfRun();

let world: SequencerWorld;

withServer('the sequencer of two vaults, killed with -9 while they decide (F01, F05)', () => {
  beforeAll(async () => {
    world = await startSequencers(url);
  }, 300_000);
  afterAll(async () => {
    await world.stop();
    await database.drop();
  });

  it('loses no decision, has none twice, and contradicts no checkpoint', async () => {
    const { replicas, watch } = world;
    const deciding = world.decide();
    const deaths: Death[] = [];
    const marks: TreeHead[] = [];
    const random = randomFrom(seed);
    const ways = Object.keys(WAYS);
    for (let kill = 0; kill < KILLS; kill++) {
      // In every way with either of them, one after the other.
      const replica = (kill + Math.floor(kill / ways.length)) % 2 === 0 ? replicas[0] : replicas[1];
      deaths.push(await killIn(ways[kill % ways.length] ?? '', replica, watch, random));
      marks.push(...(await world.marks()));
      await replica.start();
    }
    await deciding.stop();
    const whole = await world.expectWhole(deciding.deciders, marks);
    process.stderr.write(`seed ${seed}: ${JSON.stringify({ ...whole, deaths })}\n`);
    expect(deaths).toHaveLength(KILLS);
    // Without these nothing would have been tried.
    expect([...watch.holders].toSorted()).toEqual(['first', 'second']);
    expect(deaths[0]?.unsigned).toBeGreaterThan(0);
  }, 900_000);
});
