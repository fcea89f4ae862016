import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import type { ModelChunk, ModelRequest } from './model.js';
import { needsOf } from './needs.js';
import { OpenaiModel } from './openai.model.js';

const TIMEOUTS = { connectMs: 5_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
const REQUEST: ModelRequest = {
  model: 'small',
  messages: [],
  embeddings: { input: ['CANARY-a', 'b'] },
  requestId: 'inv_1',
};
const good = (index: number) => ({ object: 'embedding', index, embedding: [0.5, -1] });
const list = (change: object = {}) =>
  JSON.stringify({ object: 'list', data: [good(0), good(1)], model: 'served', ...change });

let fake: FakeOpenai;
let model: OpenaiModel;
beforeEach(async () => {
  fake = await startFakeOpenai();
  model = new OpenaiModel({ url: fake.url, timeouts: TIMEOUTS });
});
afterEach(async () => {
  await fake.stop();
  await model.close();
});

async function answering(reply: FakeReply): Promise<ModelChunk[]> {
  fake.follow({ replies: reply });
  const chunks: ModelChunk[] = [];
  for await (const some of model.stream(REQUEST, new AbortController().signal)) chunks.push(...some);
  return chunks;
}

describe('embeddings', () => {
  it('are a chunk each, in the order of the texts, then the rest of the answer with its usage', async () => {
    const body = list({ data: [good(1), { ...good(0), odd: 1 }], usage: { prompt_tokens: 2, total_tokens: 2 } });
    const shape = {
      id: 'inv_1',
      object: 'chat.completion.chunk',
      created: expect.any(Number),
      model: 'served',
    };
    expect(await answering({ body })).toEqual([
      { ...shape, choices: [], embedding: { ...good(0), odd: 1 } },
      { ...shape, choices: [], embedding: good(1) },
      {
        ...shape,
        choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
        embeddings: { object: 'list', model: 'served', usage: { prompt_tokens: 2, total_tokens: 2 } },
        usage: { prompt_tokens: 2, completion_tokens: 0, total_tokens: 2 },
      },
    ]);
    expect(fake.requests[0]).toMatchObject({ path: '/v1/embeddings', requestId: 'inv_1' });
    expect(fake.requests[0]?.json()).toEqual({ model: 'small', input: ['CANARY-a', 'b'] });
  });

  it('are what a request for them needs, and nothing else', () => {
    expect(needsOf(REQUEST)).toEqual(['embeddings']);
  });

  it.each<[string, FakeReply, string]>([
    ['a refusal', { status: 401 }, 'upstream_auth'],
    ['too many requests', { status: 429 }, 'upstream_rate_limited'],
    ['no JSON', { body: '{' }, 'upstream_unavailable'],
    ['a completion', { body: '{"choices":[]}' }, 'upstream_unavailable'],
    ['one too few [guard: upstream-embeddings-count]', { body: list({ data: [good(0)] }) }, 'upstream_unavailable'],
    ['one too many', { body: list({ data: [good(0), good(1), good(2)] }) }, 'upstream_unavailable'],
    ['one twice', { body: list({ data: [good(1), good(1)] }) }, 'upstream_unavailable'],
    ['no numbers', { body: list({ data: [good(0), { ...good(1), embedding: [] }] }) }, 'upstream_unavailable'],
    ['a number that is none', { body: list().replace('0.5', '1e400') }, 'upstream_unavailable'],
    [
      'text that is no base64',
      { body: list({ data: [good(0), { ...good(1), embedding: '?' }] }) },
      'upstream_unavailable',
    ],
    [
      'a model of two lines [guard: upstream-embeddings-model]',
      { body: list({ model: 'm\nVALID' }) },
      'upstream_unavailable',
    ],
    ['a member twice', { body: list().replace('{', '{"object":"list",') }, 'upstream_unavailable'],
    ['a usage below zero', { body: list({ usage: { prompt_tokens: -1, total_tokens: 0 } }) }, 'upstream_unavailable'],
    ['a stream', { contentType: 'text/event-stream' }, 'upstream_unavailable'],
    ['more than 16 MiB', { body: `${' '.repeat(17_000_000)}${list()}` }, 'upstream_unavailable'],
  ])('that are %s are an error without a word of it', async (_name, reply, code) => {
    const refused = answering(reply.status === undefined ? { status: 200, ...reply } : reply);
    await expect(refused).rejects.toMatchObject({ name: 'ModelError', code });
    await expect(refused).rejects.not.toThrow(/CANARY|VALID/);
  });
});
