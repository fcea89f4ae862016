import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FakeOpenai, TestDatabase } from '@bulla/testkit';
import { databaseForTest } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { APIError } from 'openai';
import { needlesOf } from '../leaks/needles.js';
import { scan } from '../leaks/scan.js';
import type { AppsWorld } from './apps-world.js';
import { PROMPT, startAppsWorld } from './apps-world.js';
import { startProcessesWorld } from './processes-world.js';

// What an app says is nowhere but in its own memory, at the responder and at the model server.

const CALLS = 100;
const CONTROL = 'Canary-control-51c0: planted on purpose, für Zürich';
const QUESTION = 'Canary-question-88a1: the roof of Frau Müller leaks';
const ARGUMENT = 'Canary-argument-03fd: 14 Bahnhofstrasse, Zürich';
const ANSWER = 'Canary-answer-7be2: send a plumber to Frau Müller';
const VARIABLE = 'Canary-variable-c41d: Wasser läuft durch die Decke';
const SECRETS = [QUESTION, ARGUMENT, ANSWER, VARIABLE];
const TOOL = { type: 'function' as const, function: { name: 'look', parameters: { type: 'object', properties: {} } } };
const CALL = { index: 0, id: 'call_1', name: 'look', arguments: JSON.stringify({ at: ARGUMENT }) };

const database: TestDatabase = await databaseForTest({ empty: true });
const withServer = database.url === undefined ? describe.skip : describe;

let world: AppsWorld;
let app: OpenAI;
const ask = (client: OpenAI, more: object = {}) =>
  client.chat.completions.create({ model: 'small', messages: [{ role: 'user', content: QUESTION }], ...more });

const namesIn = (bytes: Buffer, text: string) => needlesOf(text).filter((needle) => bytes.includes(needle.bytes));

/** A chat, a stream with a tool, embeddings and a refusal, each with a canary. */
async function askAll(client: OpenAI, model: FakeOpenai): Promise<void> {
  model.follow({ replies: [{ tokens: [ANSWER] }, { tokens: [ANSWER], toolCalls: [CALL] }, { tokens: [ANSWER] }] });
  await ask(client);
  const stream = await client.chat.completions.create({
    model: 'small',
    messages: [{ role: 'user', content: QUESTION }],
    tools: [TOOL],
    stream: true,
  });
  let called = '';
  for await (const { choices } of stream) called += choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? '';
  expect(called).toContain(ARGUMENT);
  await client.embeddings.create({ model: 'small', input: QUESTION });
  await expect(ask(client, { temperature: QUESTION })).rejects.toBeInstanceOf(APIError);
}

withServer('what an app says', () => {
  it('passes no socket of vault and responder', async () => {
    const apart = await startProcessesWorld(database.url ?? '', {});
    try {
      await askAll(apart.client, apart.model);
      const taps = Object.values(apart.taps);
      const passed = taps.map(({ bytes }) => bytes());
      for (const bytes of passed) expect(bytes.length).toBeGreaterThan(5_000);
      expect(passed.flatMap((bytes) => SECRETS.flatMap((secret) => namesIn(bytes, secret)))).toEqual([]);
      // The taps see what passes: words that are sent in the clear are found. And there was something to find.
      for (const { url } of taps) await fetch(`${url}/control`, { method: 'POST', body: CONTROL });
      for (const { bytes } of taps) expect(namesIn(bytes(), CONTROL)).not.toEqual([]);
      expect(namesIn(apart.model.receivedBytes, QUESTION)).not.toEqual([]);
    } finally {
      await apart.stop();
      await database.drop();
    }
  });
});

describe('what an app says', () => {
  beforeAll(async () => {
    world = await startAppsWorld();
    const { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey } = world.settings.bulla;
    app = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
  });
  afterAll(() => world.stop());

  it(`is in no file of the home folder after ${CALLS} calls, and reaches no model server without a responder`, async () => {
    await askAll(app, world.fake);
    world.fake.follow({ replies: { tokens: [ANSWER] } });
    const metadata = { bulla_vars: JSON.stringify({ claim: VARIABLE }) };
    const prompt = await app.chat.completions.create({ model: `prompt:${PROMPT}`, messages: [], metadata });
    expect(prompt.choices[0]?.message.content).toBe(ANSWER);
    for (let calls = 0; calls < CALLS; calls++) await ask(app, calls % 2 === 0 ? {} : { n: 2 });
    const [bytes, connections] = [world.fake.receivedBytes.length, world.fake.connections];
    expect(namesIn(world.fake.receivedBytes, QUESTION)).not.toEqual([]);
    await world.stopServices();
    const error: unknown = await ask(app).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'transport_failed' });
    await expect(ask(app, { stream: true })).rejects.toBeInstanceOf(APIError);
    expect([world.fake.receivedBytes.length, world.fake.connections]).toEqual([bytes, connections]);
    // Nothing is written any more.
    await world.bulla.close();
    await writeFile(join(world.home, 'control'), CONTROL);
    expect((await scan([world.home], needlesOf(CONTROL))).found).not.toEqual([]);
    const result = await scan([world.home], SECRETS.flatMap(needlesOf));
    expect(result.files).toBeGreaterThan(CALLS);
    expect(result.found).toEqual([]);
  });
});
