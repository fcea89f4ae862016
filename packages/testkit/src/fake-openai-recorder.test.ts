import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type FakeOpenai, startFakeOpenai } from './fake-openai.js';
import type { FakeScript } from './fake-openai-script.js';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'one two three' }] };
const STREAM = { ...QUESTION, stream: true, stream_options: { include_usage: true } };

let fake: FakeOpenai;
afterEach(() => fake.stop());

async function start(script: FakeScript): Promise<void> {
  fake = await startFakeOpenai(script);
}

function ask(body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'inv_1' };
  return fetch(`${fake.url}/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body), ...init });
}

describe('the recorder', () => {
  it('keeps every byte, header and body of a request', async () => {
    await start({});
    await (await ask(STREAM)).text();
    const record = await fake.arrival(0);
    expect(record).toMatchObject({ method: 'POST', path: '/v1/chat/completions', requestId: 'inv_1' });
    expect(record.json()).toEqual(STREAM);
    expect(record.rawHeaders).toContain('x-request-id');
    const received = fake.receivedBytes.toString('utf8');
    expect(received).toMatch(/^POST \/v1\/chat\/completions HTTP\/1\.1\r\n/);
    expect(received).toContain(JSON.stringify(STREAM));
    expect((await record.ended).how).toBe('answered');
  });

  it('counts completions per request id, errors not', async () => {
    await start({ replies: [{ status: 503 }, {}, {}] });
    for (let n = 0; n < 3; n += 1) await (await ask(STREAM)).text();
    expect(fake.completionsOf('inv_1')).toEqual({ started: 2, finished: 2 });
    expect(fake.completionsOf('inv_2')).toEqual({ started: 0, finished: 0 });
  });

  it('repeats the last reply, and the default one where the list is empty', async () => {
    await start({ replies: [{ tokens: ['a'] }, { tokens: ['b'] }] });
    const answers = [];
    for (let n = 0; n < 3; n += 1)
      answers.push((await (await ask(QUESTION)).json()) as { choices: { message: { content: string } }[] });
    expect(answers.map((answer) => answer.choices[0]?.message.content)).toEqual(['a', 'b', 'b']);
    fake.follow({ replies: [] });
    expect((await ask(QUESTION)).status).toBe(200);
  });

  it('resolves an arrival that is still to come', async () => {
    await start({});
    const second = fake.arrival(1);
    await (await ask(STREAM)).text();
    await (await ask(QUESTION)).text();
    expect((await second).json()).toEqual(QUESTION);
  });

  it.each([
    ['a body that is no JSON', '{', 400],
    ['a body that is no object', '1', 400],
  ])('refuses %s', async (_name, body, status) => {
    await start({});
    expect((await ask(undefined, { body })).status).toBe(status);
  });

  it('keeps what came of a body whose sender hung up, and does not call it a failure', async () => {
    await start({});
    const socket = connect(fake.port, '127.0.0.1');
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf');
    const record = await fake.arrival(0);
    while (record.body.length === 0) await new Promise(setImmediate);
    socket.destroy();
    expect((await record.ended).how).toBe('closed-by-client');
    expect(record.body.toString()).toBe('half');
    expect(fake.failures).toEqual([]);
  });

  it('keeps its own failures for the test to see', async () => {
    await start({ replies: { headers: { 'x-bad': 'a\nb' } } });
    await expect(ask(STREAM)).rejects.toThrow('fetch failed');
    expect(fake.failures).toMatchObject([{ code: 'ERR_INVALID_CHAR' }]);
  });

  it('knows no other route', async () => {
    await start({});
    expect((await fetch(`${fake.url}/images`)).status).toBe(404);
  });

  it('reads questions whose content is no text, and requests without a request id', async () => {
    await start({});
    const body = JSON.stringify({ messages: [{ content: [1] }, {}] });
    const response = await fetch(`${fake.url}/chat/completions`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ model: 'fake-model', usage: { prompt_tokens: 0 } });
    expect(fake.completionsOf('').finished).toBe(1);
    expect(await (await fetch(`${fake.url}/chat/completions`, { method: 'POST', body: '{}' })).json()).toMatchObject({
      usage: { prompt_tokens: 0 },
    });
  });
});

describe('what apps ask for beside text', () => {
  const chunksOf = (text: string) =>
    [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? '')).flatMap(({ choices }) => choices);

  it('is several choices with their probabilities, and a refusal, whole as in pieces', async () => {
    await start({ replies: { tokens: ['a', 'b'], refusal: ['n', 'o'], members: { service_tier: 'x' } } });
    const asked = { n: 2, logprobs: true };
    const probability = (token: string, byte: number) => ({ token, logprob: -0.5, bytes: [byte], top_logprobs: [] });
    expect(await (await ask({ ...QUESTION, ...asked })).json()).toMatchObject({
      service_tier: 'x',
      choices: [0, 1].map((index) => ({
        index,
        message: { content: 'ab', refusal: 'no' },
        logprobs: { content: [probability('a', 97), probability('b', 98)], refusal: null },
        finish_reason: 'stop',
      })),
    });
    const pieces = chunksOf(await (await ask({ ...STREAM, ...asked })).text());
    const second = pieces.filter(({ index }) => index === 1);
    expect(second.map(({ delta }) => delta.content ?? delta.refusal ?? '').join('')).toBe('abno');
    expect(second.flatMap(({ logprobs }) => logprobs?.content ?? [])).toHaveLength(2);
    expect(second.at(-1)).toMatchObject({ finish_reason: 'stop' });
  });

  it('is an embedding for each text, as numbers and as base64', async () => {
    await start({});
    const embed = async (body: object) => {
      const init = { method: 'POST', body: JSON.stringify({ model: 'e', ...body }) };
      return (await (await fetch(`${fake.url}/embeddings`, init)).json()) as { data: { embedding: unknown }[] };
    };
    const numbers = await embed({ input: ['aa', 'b'], dimensions: 2 });
    expect(numbers).toEqual({
      object: 'list',
      data: [
        { object: 'embedding', index: 0, embedding: [0.2578125, 0.2578125] },
        { object: 'embedding', index: 1, embedding: [0.265625, -0.25] },
      ],
      model: 'e',
      usage: { prompt_tokens: 2, total_tokens: 2 },
    });
    const packed = await embed({ input: 'aa', dimensions: 2, encoding_format: 'base64' });
    const bytes = Buffer.from(packed.data[0]?.embedding as string, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual(numbers.data[0]?.embedding);
    expect((await embed({ input: 'a' })).data[0]?.embedding).toHaveLength(4);
  });
});

it('says so when its port is taken', async () => {
  await start({});
  await expect(startFakeOpenai({}, fake.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
