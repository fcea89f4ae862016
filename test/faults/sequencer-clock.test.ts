import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SequencerWorld } from './sequencer-world.js';
import { startSequencers } from './sequencer-world.js';
import { findFaketime, ShiftedClock } from './shifted-clock.js';
import { call } from './signed-requests.js';

// Two vaults write one log, and the clock of one of them jumps while it does. The clock of the machine stays what it is.

const library = findFaketime();
const database = await databaseForTest();
const url = database.url ?? '';
const withClock = library === undefined || url === '' ? describe.skip : describe;
/** What the one that jumps has to write each time. */
const ENTRIES = 20;
/** And what is said to a client whose clock is right. */
const JUMPS = [
  ['+2h', 401],
  ['-1h', 401],
  ['+40d', 401],
  ['+0', 200],
] as const;

withClock('the sequencer of two vaults, of which one has a clock that jumps (F29)', () => {
  let folder: string;
  let clock: ShiftedClock;
  let world: SequencerWorld;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulla-clock-'));
    clock = new ShiftedClock(library ?? '', folder);
    world = await startSequencers(url, { first: clock.environment });
  }, 300_000);
  afterAll(async () => {
    await world.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('goes on writing and signing, in the order in which things were decided', async () => {
    const { watch, replicas, organisation } = world;
    const [jumping, other] = replicas.map(({ process }) => process.url);
    const deciding = world.decide([other ?? '']);
    for (const [shift, status] of JUMPS) {
      clock.shift(shift);
      // The control: its clock is as wrong as that.
      const asked = await call(jumping ?? '', organisation.auditor, 'GET', '/api/v1/audit/checkpoint');
      expect([shift, asked.status]).toEqual([shift, status]);
      watch.holders.clear();
      const { size } = await watch.look();
      await watch.until(`a log that grows while the clock is at ${shift}`, ({ signed }) => signed >= size + ENTRIES);
      await watch.until(`the vault whose clock is at ${shift} writes`, () => watch.holders.has('first'));
    }
    await deciding.stop();
    const { entries } = await world.expectWhole(deciding.deciders, []);
    expect(entries).toBeGreaterThan(JUMPS.length * ENTRIES);
  }, 300_000);
});
