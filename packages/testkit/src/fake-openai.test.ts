import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type FakeOpenai, startFakeOpenai } from './fake-openai.js';
import type { FakeReply, FakeScript } from './fake-openai-script.js';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'one two three' }] };
const STREAM = { ...QUESTION, stream: true, stream_options: { include_usage: true } };

let fake: FakeOpenai;
afterEach(async () => {
  await fake.stop();
});

async function start(script: FakeScript): Promise<void> {
  fake = await startFakeOpenai(script);
}

function ask(body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'inv_1' };
  return fetch(`${fake.url}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    redirect: 'manual',
    ...init,
  });
}

/** Text of the answer as far as it comes, and whether its body ended. */
async function readAll(response: Response): Promise<{ text: string; whole: boolean }> {
  const chunks: Uint8Array[] = [];
  const text = () => Buffer.concat(chunks).toString('utf8');
  try {
    for await (const bytes of response.body as ReadableStream<Uint8Array>) chunks.push(bytes);
    return { text: text(), whole: true };
  } catch {
    return { text: text(), whole: false };
  }
}

const events = (text: string) => text.split(/(?:\r?\n){2}/).filter((event) => event !== '');
const data = (text: string) =>
  events(text)
    .filter((event) => event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.slice('data: '.length)));

async function stream(reply: FakeReply): Promise<ReturnType<typeof readAll>> {
  await start({ replies: reply });
  return readAll(await ask(STREAM));
}

describe('a whole answer', () => {
  it('streams role, tokens, finish reason, usage and [DONE]', async () => {
    const { text } = await stream({ tokens: ['a ', 'b'] });
    expect(events(text).at(-1)).toBe('data: [DONE]');
    const chunks = data(text);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content)).toEqual(['', 'a ', 'b', undefined, undefined]);
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([null, null, null, 'stop', undefined]);
    expect(chunks[4]).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
    expect(chunks[0].model).toBe('m');
  });

  it('is one object when no stream is asked for', async () => {
    await start({ replies: { tokens: ['a ', 'b'], model: 'other' } });
    const response = await ask(QUESTION);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'other',
      choices: [{ message: { role: 'assistant', content: 'a b' }, finish_reason: 'stop' }],
      usage: { completion_tokens: 2 },
    });
  });

  it('leaves usage out of a stream that did not ask for it', async () => {
    await start({});
    const { text } = await readAll(await ask({ ...QUESTION, stream: true }));
    expect(data(text).every((chunk) => chunk.usage === undefined)).toBe(true);
  });

  it('can merge the usage into the finishing chunk, give its own, or none', async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 8, total_tokens: 15 };
    const merged = data((await stream({ usagePlace: 'merged', usage })).text).at(-1);
    expect(merged).toMatchObject({ usage, choices: [{ finish_reason: 'stop' }] });
    fake.follow({ replies: { usage: false } });
    expect((await readAll(await ask(STREAM))).text).not.toContain('usage');
    expect(await (await ask(QUESTION)).json()).not.toHaveProperty('usage');
  });

  it('calls tools in deltas', async () => {
    const toolCalls = [
      { index: 0, id: 'call_1', name: 'look', arguments: '{"a"' },
      { index: 0, arguments: ':1}' },
      { index: 1, id: 'call_2' },
    ];
    const chunks = data((await stream({ tokens: [], toolCalls })).text);
    expect(chunks[1].choices[0].delta.tool_calls).toEqual([
      { index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a"' } },
    ]);
    expect(chunks[2].choices[0].delta.tool_calls).toEqual([{ index: 0, function: { arguments: ':1}' } }]);
    expect(chunks[4].choices[0].finish_reason).toBe('tool_calls');
    expect(await (await ask(QUESTION)).json()).toMatchObject({
      choices: [
        {
          message: {
            content: null,
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":1}' } },
              { id: 'call_2', function: { arguments: '' } },
            ],
          },
        },
      ],
    });
  });

  it('lists its models', async () => {
    await start({ models: ['a', 'b'] });
    const list = (await (await fetch(`${fake.url}/models`)).json()) as { data: { id: string }[] };
    expect(list.data.map((model) => model.id)).toEqual(['a', 'b']);
  });

  it('lists models by its script', async () => {
    await start({ modelsReply: { status: 500, body: 'no' } });
    const response = await fetch(`${fake.url}/models`);
    expect([response.status, await response.text()]).toEqual([500, 'no']);
  });
});

describe('scripted faults', () => {
  it.each<[string, FakeReply, number, Record<string, string>]>([
    ['a status with retry-after', { status: 429, headers: { 'retry-after': '7' } }, 429, { 'retry-after': '7' }],
    [
      'a redirect',
      { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
      307,
      { location: 'http://127.0.0.1:1/' },
    ],
    ['another content type', { contentType: 'text/html' }, 200, { 'content-type': 'text/html' }],
  ])('answers %s', async (_name, reply, status, headers) => {
    await start({ replies: reply });
    const response = await ask(STREAM);
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject(headers);
    await response.text();
  });

  it('answers an error with the scripted body, else one in the shape of OpenAI', async () => {
    await start({ replies: [{ status: 500, body: 'plain' }, { status: 500 }] });
    expect(await (await ask(STREAM)).text()).toBe('plain');
    expect(await (await ask(STREAM)).json()).toHaveProperty('error.message');
  });

  it('leaves [DONE] or the finish reason out', async () => {
    expect((await stream({ omitDone: true })).text).not.toContain('[DONE]');
    fake.follow({ replies: { finishReason: null } });
    expect((await readAll(await ask(STREAM))).text).not.toContain('"finish_reason":"stop"');
  });

  it('cuts the socket after n tokens', async () => {
    const { text, whole } = await stream({ tokens: ['a', 'b', 'c'], faults: [{ afterTokens: 2, kind: 'cut' }] });
    expect(whole).toBe(false);
    expect(data(text)).toHaveLength(3);
    expect((await fake.requests[0]?.ended)?.how).toBe('cut-by-script');
    expect(fake.completionsOf('inv_1')).toEqual({ started: 1, finished: 0 });
  });

  it('writes garbage and huge events where it is told', async () => {
    const faults: FakeReply['faults'] = [
      { afterTokens: 0, kind: 'write', text: '<html>\n' },
      { afterTokens: 1, kind: 'huge-event', bytes: 100_000 },
    ];
    const { text } = await stream({ tokens: ['a'], faults });
    expect(text.startsWith('<html>\n')).toBe(true);
    expect(events(text)[2]?.length).toBeGreaterThan(100_000);
  });

  it('splits events inside a code point', async () => {
    await start({ replies: { tokens: ['grün'], splitUtf8: true } });
    const chunks: Buffer[] = [];
    await new Promise((resolve) => {
      const sent = request(`${fake.url}/chat/completions`, { method: 'POST' }, (response) => {
        response.on('data', (bytes: Buffer) => chunks.push(bytes)).on('end', resolve);
      });
      sent.end(JSON.stringify(STREAM));
    });
    expect(Buffer.concat(chunks).toString('utf8')).toContain('grün');
    expect(chunks.some((bytes) => ((bytes[0] ?? 0) & 0xc0) === 0x80)).toBe(true);
  });

  it('ends lines with CR LF', async () => {
    expect((await stream({ lineEnd: '\r\n' })).text).toContain('\r\n\r\n');
  });

  it('stalls after n tokens until the client goes, and says when it went', async () => {
    await start({ replies: { faults: [{ afterTokens: 1, kind: 'stall' }] } });
    const gone = new AbortController();
    const response = await ask(STREAM, { signal: gone.signal });
    const reading = readAll(response);
    const record = await fake.arrival(0);
    while (record.tokensSent < 1) await new Promise(setImmediate);
    expect(record.end).toBeUndefined();
    gone.abort();
    expect((await reading).whole).toBe(false);
    expect(await record.ended).toMatchObject({ how: 'closed-by-client', afterMs: expect.any(Number) });
    expect(record.tokensSent).toBe(1);
  });

  it('never sends headers when the delay is infinite', async () => {
    await start({ replies: { delayBeforeHeadersMs: Number.POSITIVE_INFINITY } });
    const gone = new AbortController();
    const asked = ask(STREAM, { signal: gone.signal });
    const record = await fake.arrival(0);
    gone.abort();
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    expect((await record.ended).how).toBe('closed-by-client');
  });

  it('keeps the connection open after [DONE] when told', async () => {
    await start({ replies: { hangAfterDone: true } });
    const reading = readAll(await ask(STREAM));
    const record = await fake.arrival(0);
    expect(record.end).toBeUndefined();
    await fake.stop();
    expect(await reading).toMatchObject({ whole: false, text: expect.stringContaining('[DONE]') });
    expect((await record.ended).how).toBe('cut-by-script');
  });

  it('waits before headers, before tokens and between tokens', async () => {
    const { text } = await stream({
      delayBeforeHeadersMs: 2,
      delayBeforeTokensMs: 2,
      delayBetweenTokensMs: 2,
      tokens: ['a', 'b', 'c'],
    });
    expect(data(text)).toHaveLength(6);
  });

  it.each<[string, NonNullable<FakeReply['faults']>]>([
    ['cut', [{ afterTokens: 0, kind: 'cut' }]],
    ['garbage', [{ afterTokens: 0, kind: 'write', text: '<' }]],
  ])('breaks a whole answer: %s', async (_name, faults) => {
    await start({ replies: { faults } });
    await expect(ask(QUESTION).then((response) => response.json())).rejects.toThrow(/JSON|terminated/);
  });

  it('makes a whole answer huge', async () => {
    await start({ replies: { faults: [{ afterTokens: 0, kind: 'huge-event', bytes: 50_000 }] } });
    expect((await (await ask(QUESTION)).text()).length).toBeGreaterThan(50_000);
  });
});
