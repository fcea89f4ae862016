import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Secret, utf8 } from '@bulla/crypto';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import { type FailedRun, failedRun, withServer } from '../../test/failing-run.js';
import type { ModelRequest } from './model.js';
import { OpenaiModel, type OpenaiModelOptions } from './openai.model.js';

const PATIENT = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
const LIMITS = { eventSizeMax: 10_000, bytesMax: 50_000, piecesMax: 1_000 };
const REQUEST: ModelRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'CANARY-PROMPT' }],
  requestId: 'inv_1',
};
const CANARY = 'CANARY-UPSTREAM';

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
  model = new OpenaiModel({
    url: fake.url,
    timeouts: PATIENT,
    limits: LIMITS,
    apiKey: new Secret(utf8('CANARY-KEY')),
    ...options,
  });
}

const fail = () => failedRun(model, REQUEST);

function failing(reply: FakeReply): Promise<FailedRun> {
  fake.follow({ replies: reply });
  return fail();
}

const tokens = ['a', 'b', 'c'];
const written = (text: string): FakeReply => ({ tokens, faults: [{ afterTokens: 2, kind: 'write', text }] });
const event = (value: unknown): FakeReply => written(`data: ${JSON.stringify(value)}\n\n`);
const toolNamed = (name: string) =>
  event({ choices: [{ delta: { tool_calls: [{ index: 0, function: { name, arguments: '' } }] } }] });

describe('an upstream that does not answer', () => {
  it.each<[string, FakeReply, object]>([
    ['401', { status: 401 }, { code: 'upstream_auth' }],
    ['403', { status: 403 }, { code: 'upstream_auth' }],
    ['429', { status: 429 }, { code: 'upstream_rate_limited', retryAfterSeconds: undefined }],
    [
      '429 with seconds',
      { status: 429, headers: { 'retry-after': '7' } },
      { code: 'upstream_rate_limited', retryAfterSeconds: 7 },
    ],
    ['429 with no wait', { status: 429, headers: { 'retry-after': '0' } }, { retryAfterSeconds: 1 }],
    [
      '429 with a huge wait',
      { status: 429, headers: { 'retry-after': '9'.repeat(400) } },
      { retryAfterSeconds: 3_600 },
    ],
    [
      '429 with a date',
      { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' } },
      { retryAfterSeconds: 3_600 },
    ],
    [
      '429 with a date long gone',
      { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' } },
      { retryAfterSeconds: 1 },
    ],
    ['429 with nonsense', { status: 429, headers: { 'retry-after': CANARY } }, { retryAfterSeconds: undefined }],
    [
      '503 with seconds',
      { status: 503, headers: { 'retry-after': '9' } },
      { code: 'upstream_unavailable', retryAfterSeconds: 9 },
    ],
    ['500', { status: 500 }, { code: 'upstream_unavailable' }],
    ['404', { status: 404 }, { code: 'upstream_unavailable' }],
    ['400', { status: 400 }, { code: 'upstream_unavailable' }],
    ['204', { status: 204 }, { code: 'upstream_unavailable' }],
    ['408', { status: 408 }, { code: 'upstream_timeout' }],
    ['504', { status: 504 }, { code: 'upstream_timeout' }],
    ['another content type', { contentType: 'text/html' }, { code: 'upstream_unavailable' }],
    ['JSON instead of a stream', { contentType: 'application/json' }, { code: 'upstream_unavailable' }],
    ['a compressed stream', { headers: { 'content-encoding': 'gzip' } }, { code: 'upstream_unavailable' }],
  ])('%s', async (_name, reply, expected) => {
    const { error, chunks } = await failing({ body: CANARY, ...reply });
    expect(error).toMatchObject({ name: 'ModelError', ...expected });
    expect(chunks).toEqual([]);
    expect(fake.requests).toHaveLength(1);
  });

  it.each([301, 302, 303, 307, 308])('a %d redirect is an error, and nothing goes there', async (status) => {
    const inside = await startFakeOpenai();
    const { error } = await failing({ status, headers: { location: `${inside.url}/chat/completions` } });
    expect(error).toMatchObject({ code: 'upstream_unavailable' });
    expect(inside.receivedBytes).toHaveLength(0);
    await inside.stop();
  });

  it('nobody listens', async () => {
    use({ url: 'http://127.0.0.1:1/v1' });
    const { error } = await fail();
    expect(error).toMatchObject({ code: 'upstream_unavailable', message: expect.stringContaining('ECONNREFUSED') });
  });

  it.each([
    ['nobody listens', 'http://127.0.0.1:1/v1', 'connection_refused'],
    ['there is no such host', 'http://no-such-machine.invalid/v1', 'host_unknown'],
    ['it speaks no TLS', () => fake.url.replace('http:', 'https:'), 'tls_failed'],
  ])('says the cause: %s', async (_name, url, cause) => {
    use({ url: typeof url === 'string' ? url : url() });
    expect((await fail()).error).toMatchObject({ code: 'upstream_unavailable', fault: { cause } });
  });

  it('hangs up without a word, and is not asked twice', async () => {
    const sockets: Socket[] = [];
    await withServer(
      (socket) => void sockets.push(socket.on('data', () => socket.destroy())),
      async (url) => {
        use({ url });
        expect((await fail()).error).toMatchObject({ code: 'upstream_unavailable', fault: { cause: 'hung_up' } });
      },
    );
    expect(sockets).toHaveLength(1);
  });

  it('speaks no HTTP', async () => {
    await withServer(
      (socket) => void socket.write(`${CANARY}\r\n\r\n`),
      async (url) => {
        use({ url });
        const { error } = await fail();
        expect(error).toMatchObject({ code: 'upstream_unavailable', fault: { cause: 'not_completions' } });
        expect(inspect(error)).not.toContain(CANARY);
      },
    );
  });
});

describe('an answer that is not whole', () => {
  it.each<[string, FakeReply]>([
    ['cut at once', { tokens, faults: [{ afterTokens: 0, kind: 'cut' }] }],
    ['cut in the middle', { tokens, faults: [{ afterTokens: 2, kind: 'cut' }] }],
    ['cut after its last token', { tokens, faults: [{ afterTokens: 3, kind: 'cut' }] }],
    ['without [DONE] [guard: upstream-done]', { tokens, omitDone: true }],
    ['without a finish reason [guard: upstream-finish]', { tokens, finishReason: null }],
    ['with an empty finish reason', { tokens, finishReason: '' }],
    ['withheld by a filter [guard: upstream-withheld]', { tokens, finishReason: 'content_filter' }],
    ['ended for a reason nobody knows', { tokens, finishReason: CANARY }],
    ['[DONE] in the middle', written('data: [DONE]\n\n')],
    ['an error in the middle', event({ error: { message: CANARY } })],
    ['an error beside a chunk', event({ error: { message: CANARY }, choices: [] })],
    ['a garbage line', written(`<html>${CANARY}\n`)],
    ['an event that is no JSON', written(`data: {${CANARY}\n\n`)],
    ['an event that is no object', event(CANARY)],
    ['an event without choices', event({ id: CANARY })],
    ['two pieces of one choice [guard: upstream-choice-once]', event({ choices: [{ delta: {} }, { delta: {} }] })],
    [
      'another choice than was asked for [guard: upstream-choice]',
      event({ choices: [{ index: 1, delta: { content: CANARY } }] }),
    ],
    ['a choice out of range', event({ choices: [{ index: 16, delta: { content: CANARY } }] })],
    [
      'arguments of a tool that are no JSON at the end [guard: upstream-arguments]',
      { tokens: [], toolCalls: [{ index: 0, id: 'call_1', name: 'f', arguments: '{"a":' }] },
    ],
    ['text of another type', event({ choices: [{ delta: { content: { text: CANARY } } }] })],
    ['somebody else speaking', event({ choices: [{ delta: { role: 'user', content: CANARY } }] })],
    [
      'a tool call without end',
      event({ choices: [{ delta: { tool_calls: Array.from({ length: 129 }, () => ({ index: 0 })) } }] }),
    ],
    ['a tool call out of range', event({ choices: [{ delta: { tool_calls: [{ index: -1 }] } }] })],
    ['a name without end', event({ choices: [], model: 'x'.repeat(300) })],
    ['half a surrogate pair in its text', written(`data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n`)],
    ['U+0000 in its text', event({ choices: [{ delta: { content: '\0' } }] })],
    ['U+0000 in a refusal', event({ choices: [{ delta: { refusal: '\0' } }] })],
    [
      'half a surrogate pair in the arguments of a tool call',
      event({ choices: [{ delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '\udc00' } }] } }] }),
    ],
    ['half a surrogate pair in a name', event({ choices: [], model: 'm\udfff' })],
    ['U+0000 in a name', event({ choices: [], model: 'm\0' })],
    [
      'a name of two lines [guard: upstream-names]',
      event({ choices: [{ delta: {} }], model: 'm\nVALID as of 2030-01-01 prompt=legal/approved@9' }),
    ],
    ['a name that turns a line around', event({ choices: [], model: 'm\u202e' })],
    ['a name that ends in a space', event({ choices: [], model: 'm ' })],
    ['a name of a tool that does not show', toolNamed('look\u200b')],
    ['a negative usage', event({ choices: [], usage: { prompt_tokens: -1, completion_tokens: 0 } })],
    ['text after its end [guard: upstream-after-end]', event({ choices: [{ delta: {}, finish_reason: 'stop' }] })],
    ['a huge event', { tokens, faults: [{ afterTokens: 2, kind: 'huge-event', bytes: 20_000 }] }],
    [
      'a line that never ends',
      {
        tokens,
        faults: [
          { afterTokens: 2, kind: 'write', text: `data: ${'x'.repeat(20_000)}` },
          { afterTokens: 2, kind: 'stall' },
        ],
      },
    ],
    [
      'too many bytes [guard: upstream-bytes]',
      { tokens, faults: [{ afterTokens: 2, kind: 'write', text: `: ${'x'.repeat(5_000)}\n`.repeat(20) }] },
    ],
  ])('%s', async (_name, reply) => {
    const { error, chunks, text } = await failing(reply);
    expect(error).toMatchObject({ name: 'ModelError', code: 'upstream_unavailable' });
    expect(inspect([error, chunks], { depth: 9, showHidden: true })).not.toMatch(/CANARY/);
    expect('abc').toContain(text);
    expect(chunks.some((chunk) => chunk.usage !== undefined)).toBe(false);
    expect(fake.requests).toHaveLength(1);
    expect((await fake.requests[0]?.ended)?.how).toMatch(/closed-by-client|cut-by-script|answered/);
  });

  it('of bytes that are no UTF-8', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
    const answer = (socket: Socket) =>
      socket.once('data', () => socket.end(Buffer.concat([Buffer.from(`${head}data: `), Buffer.from([0xff, 0x0a])])));
    await withServer(
      (socket) => void answer(socket),
      async (url) => {
        use({ url });
        expect((await fail()).error).toMatchObject({
          code: 'upstream_unavailable',
          message: expect.stringContaining('UTF-8'),
        });
      },
    );
  });
});

it('prints neither key nor prompt, whatever is inspected', async () => {
  const { error } = await failing({ status: 500, body: CANARY });
  expect(inspect([model, error], { depth: 20, showHidden: true })).not.toMatch(/CANARY/);
});
