import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked } from '../../services/responder/test/asking.js';
import type { Outcome, ResponderWorld } from './responder-world.js';
import { startResponderWorld } from './responder-world.js';

// A bounded load: models that do not stop. What is asserted is how many are answered and how many bytes were kept.

const database = await databaseForTest();
const withServer = database.url === undefined || process.platform !== 'linux' ? describe.skip : describe;
const MIB = 1_048_576;
/** What the unit and the image of the responder allow it. */
const MEMORY_MAX = 512 * MIB;
const ASKERS = 24;
/** What an answer may have, twice over. */
const ENDLESS = { tokens: Array<string>(256).fill('a'.repeat(65_536)) };

let world: ResponderWorld;

/** The most memory that the process ever had, in bytes. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
}

/** A reader whose answer has no room beside others is cut; the answer is kept, and comes when it is asked for again. */
async function insist(asked: Asked): Promise<Outcome> {
  for (let tries = 1; ; tries++) {
    try {
      return await world.outcome(asked, await world.send(asked));
    } catch (error) {
      if (tries === TRIES) throw error;
      await pause(200 * tries);
    }
  }
}
const TRIES = 12;

withServer('a responder whose models do not stop', () => {
  beforeAll(async () => {
    // What Node chooses for itself where its container has 512 MiB.
    world = await startResponderWorld(database.url ?? '', { NODE_OPTIONS: '--max-old-space-size=256' });
  });
  afterAll(async () => {
    await world.stop();
    await database.drop();
  });

  it('keeps as many answers as it has room for, ends each where it must, and stays below its memory', async () => {
    const { pid = 0 } = world.responder.child;
    const before = await peakOf(pid);
    world.upstream.follow({ replies: [ENDLESS] });
    expect(await insist(await world.question())).toMatchObject({ kind: 'answer', finish: 'length' });
    world.upstream.follow({ replies: [...Array.from({ length: ASKERS }, () => ENDLESS), { tokens: ['short'] }] });
    const asked = await Promise.all(Array.from({ length: ASKERS }, () => world.question()));
    const outcomes = await Promise.all(asked.map(insist));
    const of = (wanted: (outcome: Outcome) => boolean) => outcomes.filter(wanted).length;
    const whole = of((outcome) => outcome.kind === 'answer' && outcome.finish === 'length');
    const refused = of((outcome) => outcome.kind !== 'answer' && 'code' in outcome && outcome.code === 'overloaded');
    expect(whole + refused).toBe(ASKERS);
    const peak = await peakOf(pid);
    // The control: so much was kept that it shows.
    expect(peak - before).toBeGreaterThan(8 * MIB);
    expect(peak).toBeLessThan(MEMORY_MAX);
    const last = await world.question();
    expect(await world.outcome(last, await world.send(last))).toMatchObject({ kind: 'answer', text: 'short' });
  }, 300_000);
});
