import { setTimeout as pause } from 'node:timers/promises';
import type { TestDatabase } from '@bulla/testkit';
import { databaseForTest, isLongRun, randomFrom, seedOfRun } from '@bulla/testkit';
import { afterAll, beforeAll, expect, describe, it } from '@jest/globals';
import { APIError } from 'openai';
import type { ProcessesWorld } from './processes-world.js';
import { startProcessesWorld } from './processes-world.js';

// The responder is killed with -9 while an app reads a stream: the app sees an error, and never half of an answer as a
// whole one; what it asks again is asked of the model once.

const KILLS = isLongRun() ? 20 : 3;
const WORDS = Array.from({ length: 30 }, (_, number) => `word${number} `);
const WHOLE = WORDS.join('');
/** The model speaks longer than that after its first word. */
const MOMENTS_MS = 700;
const database: TestDatabase = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

let world: ProcessesWorld;

withServer('an app that reads while the responder is killed', () => {
  beforeAll(async () => {
    world = await startProcessesWorld(database.url ?? '', { tokens: WORDS, delayBetweenTokensMs: 30 });
  }, 300_000);
  afterAll(async () => {
    await world.stop();
    await database.drop();
  });

  it('sees an error or a whole answer, and is charged once for asking again', async () => {
    const { model } = world;
    const random = randomFrom(seedOfRun());
    const outcomes: string[] = [];
    for (let kills = 0; kills < KILLS; kills++) {
      const begun = Promise.withResolvers<void>();
      const asked = read({ maxRetries: 0 }, () => begun.resolve());
      await begun.promise;
      await pause(Math.floor(random() * MOMENTS_MS));
      await world.killResponder();
      await world.startResponder();
      const { text, error, finished } = await asked;
      outcomes.push(error === undefined ? 'whole' : 'error');
      expect(error === undefined ? text : WHOLE).toBe(WHOLE);
      // What ends an answer never came before an error.
      expect(finished).toBe(error === undefined);
      const before = model.completed.length;
      expect(await read({})).toEqual({ text: WHOLE, error: undefined, finished: true });
      expect(model.completed.length - before).toBe(1);
    }
    expect(outcomes).toHaveLength(KILLS);
    expect(outcomes).toContain('error');
    const twice = model.completed.filter((id) => model.completionsOf(id).started !== 1);
    expect(twice).toEqual([]);
  }, 600_000);
});

interface Read {
  readonly text: string;
  /** The error of the SDK, where it threw one; any other error fails the test. */
  readonly error: string | undefined;
  /** Whether the app was told that the answer is whole. */
  readonly finished: boolean;
}

async function read(options: { readonly maxRetries?: number }, began = () => {}): Promise<Read> {
  let text = '';
  let finished = false;
  try {
    const stream = await world.client.chat.completions.create(
      { model: 'small', messages: [{ role: 'user', content: 'Speak.' }], stream: true },
      options,
    );
    for await (const { choices } of stream) {
      began();
      text += choices[0]?.delta.content ?? '';
      finished ||= choices[0]?.finish_reason === 'stop';
    }
    return { text, error: undefined, finished };
  } catch (error) {
    if (error instanceof APIError) return { text, error: String(error.code), finished };
    throw error;
  }
}
