import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import type { Bulla } from '../src/bulla.js';
import type { World } from './world.js';
import { makeWorld } from './world.js';

let world: World;
let bulla: Bulla;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
});
afterAll(() => world.stop());
beforeEach(async () => {
  bulla = await world.client();
});
afterEach(() => {
  world.responder.script.fin = {};
  world.responder.questions.length = 0;
});

const embedding = (index: number) => ({ choices: [], embedding: { object: 'embedding', index, embedding: [0.5] } });
const END = {
  choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
  embeddings: { object: 'list', model: 'served' },
};
const said = (...lines: readonly object[]) => {
  world.responder.script.deltas = () => lines.map((line) => utf8(`${JSON.stringify(line)}\n`));
};
const create = () => bulla.embeddings.create({ model: 'small', input: ['a', 'b'], dimensions: 1 });

describe('embeddings', () => {
  it('are asked for in the place of messages, and come verified in the shape of OpenAI', async () => {
    said(embedding(0), embedding(1), END);
    const { embeddings, answer } = await create();
    expect(embeddings).toEqual({
      object: 'list',
      model: 'served',
      data: [embedding(0).embedding, embedding(1).embedding],
    });
    expect(answer).toMatchObject({ verified: true, text: '' });
    expect((await bulla.verify(answer.toFile())).valid).toBe(true);
    expect(world.responder.questions).toEqual([
      expect.objectContaining({
        purpose: 'chat.invoke',
        messages: [],
        embeddings: { input: ['a', 'b'], dimensions: 1 },
        opt: { model: 'small', stream: false, privacy: 'padded' },
      }),
    ]);
  });

  it('of a single text are one', async () => {
    said(embedding(0), END);
    expect((await bulla.embeddings.create({ input: 'a' })).embeddings.data).toHaveLength(1);
  });

  it('that were cut are an error that says what to do [guard: client-embeddings-length]', async () => {
    said(embedding(0), embedding(1), END);
    world.responder.script.fin = { finish: 'length' };
    await expect(create()).rejects.toMatchObject({
      code: 'payload_too_large',
      message: expect.stringContaining('fewer texts'),
    });
  });

  it.each<[string, object[]]>([
    ['for other texts [guard: client-embeddings-count]', [embedding(0), END]],
    ['without their end', [embedding(0), embedding(1)]],
    ['that are words', [{ choices: [{ index: 0, delta: { content: 'no' } }] }]],
  ])('refuses signed embeddings %s', async (_name, lines) => {
    said(...lines);
    await expect(create()).rejects.toMatchObject({ code: 'token_malformed' });
  });

  it('are not asked for where no text is given', async () => {
    await expect(bulla.embeddings.create({ model: 'small', input: [''] })).rejects.toMatchObject({ origin: 'client' });
    expect(world.responder.questions).toEqual([]);
  });
});
