import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import { failedRun, withServer } from '../../test/failing-run.js';
import type { ModelRequest } from './model.js';
import { OpenaiModel, type OpenaiModelOptions } from './openai.model.js';

const PATIENT = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 };
const REQUEST: ModelRequest = { model: 'm', messages: [{ role: 'user', content: 'hello' }], requestId: 'inv_1' };
const NEVER = Number.POSITIVE_INFINITY;
const tokens = ['a', 'b', 'c'];

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
  model = new OpenaiModel({ url: fake.url, timeouts: PATIENT, ...options });
}

describe('an upstream that is too slow', () => {
  it.each<[string, Partial<typeof PATIENT>, FakeReply, string]>([
    ['never sends its head', { firstByteMs: 300 }, { delayBeforeHeadersMs: NEVER }, 'no answer began'],
    ['sends a head and nothing more', { firstByteMs: 300 }, { delayBeforeTokensMs: NEVER }, 'no answer began'],
    ['stalls in the middle', { idleMs: 300 }, { faults: [{ afterTokens: 2, kind: 'stall' }] }, 'stopped in the middle'],
    [
      'drips without end',
      { totalMs: 500 },
      { tokens: Array.from({ length: 900 }, () => 'x'), delayBetweenTokensMs: 20 },
      'no whole answer',
    ],
  ])('%s', async (_name, timeouts, reply, message) => {
    fake.follow({ replies: reply });
    use({ timeouts: { ...PATIENT, ...timeouts } });
    const { error } = await failedRun(model, REQUEST);
    expect(error).toMatchObject({
      name: 'ModelError',
      code: 'upstream_timeout',
      message: expect.stringContaining(message),
    });
    expect((await fake.requests[0]?.ended)?.how).toBe('closed-by-client');
  });

  it('never lists its models', async () => {
    use({ timeouts: { ...PATIENT, firstByteMs: 50 } });
    fake.follow({ modelsReply: { delayBeforeHeadersMs: NEVER } });
    expect((await failedRun(model, { ...REQUEST, model: undefined })).error).toMatchObject({
      code: 'upstream_timeout',
    });
    expect(fake.completionsOf('inv_1').started).toBe(0);
  });

  it('never finishes the TLS handshake', async () => {
    await withServer(
      () => {},
      async (url) => {
        use({ url: url.replace('http:', 'https:'), timeouts: { ...PATIENT, connectMs: 50 } });
        const { error } = await failedRun(model, REQUEST);
        expect(error).toMatchObject({ code: 'upstream_timeout', message: expect.stringContaining('no connection') });
      },
    );
  });
});

describe('a caller who gives up', () => {
  const reason = new Error('the asker hung up');

  it.each<[string, FakeReply, number]>([
    ['before the head', { delayBeforeHeadersMs: NEVER }, 0],
    ['before the first token', { delayBeforeTokensMs: NEVER }, 0],
    ['in the middle', { tokens, faults: [{ afterTokens: 2, kind: 'stall' }] }, 2],
  ])('%s closes the connection to the upstream', async (_name, reply, tokensSent) => {
    fake.follow({ replies: reply });
    const gone = new AbortController();
    const failed = failedRun(model, REQUEST, gone.signal);
    const request = await fake.arrival(0);
    while (request.tokensSent < tokensSent || request.body.length === 0) await new Promise(setImmediate);
    gone.abort(reason);
    expect((await failed).error).toBe(reason);
    expect((await request.ended).how).toBe('closed-by-client');
  });

  it('by not reading on closes it as well', async () => {
    fake.follow({ replies: { tokens, faults: [{ afterTokens: 3, kind: 'stall' }] } });
    for await (const chunks of model.stream(REQUEST, new AbortController().signal)) {
      if (chunks.some(({ choices }) => choices[0]?.delta.content === 'b')) break;
    }
    expect((await fake.requests[0]?.ended)?.how).toBe('closed-by-client');
  });

  it('beforehand sends nothing', async () => {
    expect((await failedRun(model, REQUEST, AbortSignal.abort(reason))).error).toBe(reason);
    expect(fake.requests).toHaveLength(0);
  });

  it('leaves no listener behind on a signal that many runs share', async () => {
    const shared = new AbortController();
    for (let n = 0; n < 3; n += 1) {
      fake.follow({ replies: { status: 500 } });
      expect((await failedRun(model, REQUEST, shared.signal)).error).toBeDefined();
    }
    expect(getEventListeners(shared.signal, 'abort')).toHaveLength(0);
  });
});
