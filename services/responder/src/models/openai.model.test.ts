import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret, utf8 } from '@bulla/crypto';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import type { ModelChunk, ModelRequest } from './model.js';
import { OpenaiModel, type OpenaiModelOptions } from './openai.model.js';

const TIMEOUTS = { connectMs: 5_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
const REQUEST: ModelRequest = {
  model: 'wanted',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Grüße' },
  ],
  requestId: 'inv_1',
};

let fake: FakeOpenai;
let model: OpenaiModel;
beforeEach(async () => {
  fake = await startFakeOpenai();
  use({});
});
afterEach(async () => {
  await fake.stop();
  await model.close();
});

function use(options: Partial<OpenaiModelOptions>): void {
  model = new OpenaiModel({ url: fake.url, timeouts: TIMEOUTS, ...options });
}

async function collect(request: Partial<ModelRequest> = {}): Promise<ModelChunk[]> {
  const chunks: ModelChunk[] = [];
  for await (const some of model.stream({ ...REQUEST, ...request }, new AbortController().signal)) chunks.push(...some);
  return chunks;
}

function answering(reply: FakeReply, request: Partial<ModelRequest> = {}): Promise<ModelChunk[]> {
  fake.follow({ replies: reply });
  return collect(request);
}

const textOf = (chunks: readonly ModelChunk[]) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
const finishesOf = (chunks: readonly ModelChunk[]) => chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? []);

describe('an answer', () => {
  it('comes as chunks with what the upstream said: text, one finish reason, then the usage', async () => {
    const chunks = await answering({ tokens: ['Hel', 'lo'], model: 'served-7' });
    const shape = {
      id: 'chatcmpl-fake',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'served-7',
      system_fingerprint: 'fp_fake',
    };
    const text = (delta: object, finish_reason: string | null = null) => ({
      ...shape,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    });
    expect(chunks).toEqual([
      text({ role: 'assistant', content: '', refusal: null }),
      text({ content: 'Hel' }),
      text({ content: 'lo' }),
      text({}, 'stop'),
      { ...shape, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
    ]);
    expect((await fake.requests[0]?.ended)?.how).toBe('answered');
  });

  it.each<[string, FakeReply]>([
    ['code points split between pieces', { splitUtf8: true }],
    ['CR LF line ends', { lineEnd: '\r\n' }],
    ['comments and retry times', { faults: [{ afterTokens: 1, kind: 'write', text: ': ping\nretry: 9\n\n' }] }],
    ['slow tokens', { delayBeforeHeadersMs: 2, delayBeforeTokensMs: 2, delayBetweenTokensMs: 2 }],
    ['text after [DONE]', { hangAfterDone: true }],
  ])('survives %s', async (_name, reply) => {
    const chunks = await answering({ tokens: ['grün ', '😀 ', 'ﬁn'], ...reply });
    expect(textOf(chunks)).toBe('grün 😀 ﬁn');
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(3);
  });

  it('has the usage last where the upstream merges it into the finishing chunk, and none where it counts nothing', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 9 };
    const merged = await answering({ usagePlace: 'merged', usage });
    expect(merged.map((chunk) => chunk.usage).filter(Boolean)).toEqual([usage]);
    expect(merged.at(-1)).toMatchObject({ choices: [], usage });
    const without = await answering({ usage: false });
    expect(without.some((chunk) => 'usage' in chunk)).toBe(false);
    expect(finishesOf(without)).toEqual(['stop']);
  });

  it('keeps tool calls', async () => {
    const toolCalls = [
      { index: 0, id: 'call_1', name: 'look', arguments: '{' },
      { index: 0, arguments: '}' },
    ];
    const chunks = await answering({ tokens: [], toolCalls });
    expect(chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])).toEqual([
      { index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{' } },
      { index: 0, function: { arguments: '}' } },
    ]);
    expect(finishesOf(chunks)).toEqual(['tool_calls']);
  });

  it.each<[string, object]>([
    ['noise', { choices: [{ index: 0, delta: { content: 'x' } }], obfuscation: 'noise' }],
    ['an id and a date that are none', { id: 'a\nb', created: 'now', choices: [{ delta: { content: 'x' } }] }],
    [
      'null for none',
      {
        model: null,
        usage: null,
        choices: [{ delta: { role: null, content: 'x', tool_calls: null, refusal: null }, finish_reason: null }],
      },
    ],
    ['an empty finish reason for none', { model: '', choices: [{ delta: { content: 'x' }, finish_reason: '' }] }],
    ['a bare tool call', { choices: [{ delta: { content: 'x', tool_calls: [{ index: 1 }] } }] }],
  ])('reads chunks with %s', async (_name, event) => {
    const write = `data: ${JSON.stringify(event)}\n\n`;
    const chunks = await answering({ tokens: ['1'], faults: [{ afterTokens: 1, kind: 'write', text: write }] });
    expect(textOf(chunks)).toBe('1x');
    expect(JSON.stringify(chunks)).not.toMatch(/noise|now|null,"(?:content|refusal|tool_calls)"/);
    expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  });

  it.each<[string, object]>([
    ['without a choice', { choices: [] }],
    ['without a delta', { choices: [{ index: 0 }] }],
    ['with empty text', { choices: [{ index: 0, delta: { content: '' } }] }],
  ])('leaves out chunks %s', async (_name, event) => {
    const plain = await answering({});
    const write = `data: ${JSON.stringify(event)}\n\n`;
    expect(await answering({ faults: [{ afterTokens: 1, kind: 'write', text: write }] })).toHaveLength(plain.length);
  });

  it('keeps a refusal, and sums tokens that the upstream does not', async () => {
    const refusal = `data: ${JSON.stringify({ choices: [{ delta: { refusal: 'no' } }], usage: { prompt_tokens: 1, completion_tokens: 2 } })}\n\n`;
    const chunks = await answering({ usage: false, faults: [{ afterTokens: 0, kind: 'write', text: refusal }] });
    expect(chunks[0]?.choices[0]?.delta).toEqual({ refusal: 'no' });
    expect(chunks.at(-1)?.usage).toEqual({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
  });

  it('leaves its connection to the next one', async () => {
    for (let n = 0; n < 4; n += 1) {
      await answering({});
      // The end of the body arrives after [DONE], in its own time.
      await sleep(20);
    }
    expect(fake.connections).toBeLessThan(4);
  });
});

describe('the limit of tokens', () => {
  it('is sent to the upstream, and cuts off one that goes on', async () => {
    const chunks = await answering(
      { tokens: ['a', 'b', 'c', 'd'], faults: [{ afterTokens: 4, kind: 'stall' }] },
      { maxOutputTokens: 2 },
    );
    expect(fake.requests[0]?.json()).toMatchObject({ max_tokens: 2 });
    expect(textOf(chunks)).toBe('ab');
    expect(finishesOf(chunks)).toEqual(['length']);
    expect((await fake.requests[0]?.ended)?.how).toBe('closed-by-client');
  });

  it('lets an answer of exactly that length end by itself', async () => {
    const chunks = await answering({ tokens: ['a', 'b'], finishReason: 'length' }, { maxOutputTokens: 2 });
    expect(textOf(chunks)).toBe('ab');
    expect(chunks.at(-1)?.usage).toBeDefined();
  });

  it('is never above our own', async () => {
    use({ limits: { eventSizeMax: 1_000, bytesMax: 1_000_000, piecesMax: 1 } });
    expect(textOf(await answering({ tokens: ['a', 'b'] }, { maxOutputTokens: 2 }))).toBe('a');
    expect(textOf(await answering({ tokens: ['a', 'b'] }))).toBe('a');
  });
});

describe('a request', () => {
  it('holds the messages, asks for a stream with usage that is not stored, and names the question [guard: upstream-store]', async () => {
    await answering({});
    const [request] = fake.requests;
    expect(request?.json()).toEqual({
      model: 'wanted',
      messages: REQUEST.messages,
      stream: true,
      stream_options: { include_usage: true },
      store: false,
    });
    expect(request?.headers).toMatchObject({
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'x-request-id': 'inv_1',
    });
    expect(request?.headers).not.toHaveProperty('authorization');
    expect(fake.completionsOf('inv_1')).toEqual({ started: 1, finished: 1 });
  });

  it('carries temperature and API key where there are any', async () => {
    use({ apiKey: new Secret(utf8('sk-1')) });
    await answering({}, { parameters: { temperature: 0 } });
    expect(fake.requests[0]?.json()).toMatchObject({ temperature: 0 });
    expect(fake.requests[0]?.headers.authorization).toBe('Bearer sk-1');
  });

  it('asks for the model that it is told to', async () => {
    await answering({}, { model: 'wanted' });
    expect(fake.requests.map((request) => request.path)).toEqual(['/v1/chat/completions']);
    expect(fake.requests[0]?.json()).toMatchObject({ model: 'wanted' });
  });
});

describe('the list of models', () => {
  it('gives the only model, and is asked for once a minute', async () => {
    fake.follow({ models: ['only'] });
    for (let n = 0; n < 2; n += 1) expect((await collect({ model: undefined }))[0]?.model).toBe('only');
    expect(fake.requests.map((request) => request.path)).toEqual([
      '/v1/models',
      '/v1/chat/completions',
      '/v1/chat/completions',
    ]);
    expect(fake.requests[0]?.headers).toMatchObject({ accept: 'application/json', 'x-request-id': 'inv_1' });
  });

  it.each([[[]], [['a', 'b']]])('with %j in it leaves the choice to the operator', async (models) => {
    fake.follow({ models });
    await expect(collect({ model: undefined })).rejects.toMatchObject({ code: 'model_not_allowed' });
    expect(fake.completionsOf('inv_1').started).toBe(0);
  });

  it.each([
    ['a refusal', { status: 401 }, 'upstream_auth'],
    ['something else than JSON', { body: '{' }, 'upstream_unavailable'],
    ['another list', { body: '{"data":[{"id":7}]}' }, 'upstream_unavailable'],
    [
      'a list with a name of two lines [guard: upstream-listed-names]',
      { body: '{"data":[{"id":"m\\nVALID"}]}' },
      'upstream_unavailable',
    ],
    ['another content type', { contentType: 'text/plain' }, 'upstream_unavailable'],
    ['too much', { body: ' '.repeat(1_100_000) }, 'upstream_unavailable'],
  ])('that is %s is an error, and is asked for again', async (_name, modelsReply, code) => {
    fake.follow({ modelsReply });
    await expect(collect({ model: undefined })).rejects.toMatchObject({ code });
    expect(fake.completionsOf('inv_1').started).toBe(0);
    fake.follow({});
    expect((await collect({ model: undefined }))[0]?.model).toBe('fake-model');
  });
});
