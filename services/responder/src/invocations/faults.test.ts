import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { signRequest } from '@bulla/crypto/http';
import { EventLog } from '@bulla/service-kit';
import type { FakeReply } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { ask, CANARY_PROMPT, CANARY_VALUE, storePrompt } from '../../test/asking.js';
import type { Asked, StoredPrompt } from '../../test/asking.js';
import { suite } from '../../test/suite.js';
import { modelSettings } from '../models/model-settings.js';
import { openModels } from '../models/open-models.js';
import { ClaimsRepository } from '../replay/claims.repository.js';
import { RunsInFlight } from './runs-in-flight.js';

const upstream = await startFakeOpenai();
const lines: string[] = [];
const settings = { BULLA_LLM: `openai:${upstream.url}`, BULLA_LLM_MODEL: 'm', BULLA_LLM_TIMEOUT_MS: '2000' };
const all = suite({
  models: () => openModels(z.object(modelSettings).parse(settings), {}),
  log: new EventLog({ service: 'responder', stream: { write: (line: string) => void lines.push(line) } }),
});
let prompt: StoredPrompt;

beforeAll(async () => {
  prompt = await storePrompt(all.organisation, {
    statement: { input: { messages: false, parameters: ['temperature'] } },
  });
});
afterAll(() => upstream.stop());
afterEach(() => upstream.follow({}));

function askFor(stream: boolean, privacy: 'padded' | 'strict' = 'padded'): Promise<Asked> {
  return ask(all.organisation, prompt, { question: { opt: { stream, privacy } } });
}

interface Fault {
  readonly name: string;
  readonly reply: FakeReply;
  readonly code: string;
  readonly cause: string;
  readonly status?: number;
}

const FAULTS: readonly Fault[] = [
  { name: 'refuses our credentials', reply: { status: 401 }, code: 'upstream_auth', cause: 'http_status', status: 401 },
  {
    name: 'has too many requests',
    reply: { status: 429, headers: { 'retry-after': '7' } },
    code: 'upstream_rate_limited',
    cause: 'http_status',
    status: 429,
  },
  {
    name: 'fails',
    reply: { status: 500, body: CANARY_VALUE },
    code: 'upstream_unavailable',
    cause: 'http_status',
    status: 500,
  },
  { name: 'never answers', reply: { delayBeforeHeadersMs: Infinity }, code: 'upstream_timeout', cause: 'too_slow' },
  {
    name: 'cuts its answer',
    reply: { tokens: ['half ', 'an '], faults: [{ kind: 'cut', afterTokens: 2 }] },
    code: 'upstream_unavailable',
    cause: 'cut',
  },
  {
    name: 'falls silent',
    reply: { tokens: ['half '], faults: [{ kind: 'stall', afterTokens: 1 }] },
    code: 'upstream_timeout',
    cause: 'too_slow',
  },
  {
    name: 'talks rubbish',
    reply: { tokens: ['a'], faults: [{ kind: 'write', afterTokens: 1, text: 'data: {rubbish\n\n' }] },
    code: 'upstream_unavailable',
    cause: 'not_completions',
  },
  {
    name: 'withholds its answer',
    reply: { tokens: ['a'], finishReason: 'content_filter' },
    code: 'upstream_unavailable',
    cause: 'withheld',
  },
  {
    name: 'is asked at a path that it does not serve',
    reply: { status: 404, contentType: 'text/html', body: CANARY_VALUE },
    code: 'upstream_unavailable',
    cause: 'http_status',
    status: 404,
  },
];

const said = (event: string) =>
  lines.map((line) => JSON.parse(line) as { event: string; jti?: string }).filter((line) => line.event === event);

describe.each([false, true])('a model server in a run (stream: %s)', (stream) => {
  it.each(FAULTS)('that $name ends it with $code, cause and host, sealed and signed', async ({ reply, ...fault }) => {
    upstream.follow({ replies: reply });
    const { name: _, ...expected } = { ...fault, host: new URL(upstream.url).host };
    const asked = await askFor(stream);
    const { fin } = await all.run(asked);
    expect(fin.err).toEqual(expected);
    expect(said('run-failed').filter(({ jti }) => jti === asked.question.jti)).toMatchObject([
      { level: 'warn', ...expected },
    ]);
    expect(lines.join('')).not.toContain(CANARY_VALUE);
  });

  it('is told the rendered prompt, the limits and the id of the question', async () => {
    const asked = await ask(all.organisation, prompt, {
      envelope: { pol: { uses: 1, stream: true, max_output_tokens: 50 } },
      question: { opt: { stream, privacy: 'padded', max_output_tokens: 20, temperature: 0.5 } },
    });
    await all.run(asked);
    const sent = upstream.requests.at(-1);
    expect(sent?.requestId).toBe(asked.question.jti);
    expect(sent?.json()).toMatchObject({
      messages: [
        { role: 'system', content: CANARY_PROMPT },
        { role: 'user', content: `The claim: ${CANARY_VALUE}` },
      ],
      max_tokens: 20,
      temperature: 0.5,
    });
  });

  it('that speaks brings its words, its finish, its usage and its name into the signed end', async () => {
    upstream.follow({ replies: { tokens: ['it ', 'is ', 'covered'], model: 'the-model' } });
    const { text, fin } = await all.run(await askFor(stream));
    expect(text).toBe('it is covered');
    expect(fin).toMatchObject({ finish: 'stop', model: 'the-model', usage: { completion_tokens: 3 } });
  });

  it('speaks into frames of 256 bytes when the asker wants strict privacy', async () => {
    upstream.follow({ replies: { tokens: ['it ', 'is'] } });
    const response = await all.send(await askFor(stream, 'strict'));
    const frames = stream
      ? [...response.text.matchAll(/event: bulla.frame\nid: [0-9]+\ndata: (.*)/g)].map(([, data]) => data ?? '')
      : (response.body as { frames: string[] }).frames;
    expect(frames.length).toBeGreaterThan(2);
    expect(new Set(frames.map((frame) => Buffer.from(frame, 'base64url').length))).toEqual(new Set([256 + 16]));
  });
});

describe('an asker who hangs up', () => {
  it.each([false, true])(
    'stops the model (stream: %s); the question is indeterminate, and the run counts as failed [guard: usage-given-up]',
    async (stream) => {
      await all.database.db.deleteFrom('usage_run').execute();
      upstream.follow({ replies: { tokens: Array.from({ length: 1000 }, () => 'word '), delayBetweenTokensMs: 20 } });
      const asked = await askFor(stream);
      const arrival = upstream.arrival(upstream.requests.length);
      const connection = await connect(asked);
      const received = await arrival;
      connection.destroy();
      const end = await received.ended;
      expect(end.how).toBe('closed-by-client');
      await untilState(asked, 'indeterminate');
      const { jti } = asked.question;
      // Nobody's fault: neither a run that failed nor a responder without strength.
      expect(said('asker-left').filter((line) => line.jti === jti)).toMatchObject([{ level: 'info' }]);
      expect(said('run-failed').filter((line) => line.jti === jti)).toEqual([]);
      const again = await all.send(asked);
      expect(again.status).toBe(409);
      expect(again.body).toMatchObject({ code: 'indeterminate' });
      const counted = await all.database.db.selectFrom('usage_run').selectAll().execute();
      expect(counted).toMatchObject([
        { prompt: prompt.id, model: 'm', failed: true, input_tokens: null, cost_nanos: null },
      ]);
      const rows = await all.database.db.selectFrom('audit_event').select('event').orderBy('at').execute();
      expect(rows.map(({ event }) => event)).toContainEqual(
        expect.objectContaining({
          act: 'invocation.finish',
          why: 'indeterminate',
          obj: { invocation: asked.question.jti },
        }),
      );
    },
  );
});

describe('an asker who hangs up while the run is about to begin', () => {
  it.each([false, true])('leaves no run behind that nobody ends (stream: %s)', async (stream) => {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const claims = all.responder.service.app.get(ClaimsRepository, { strict: false });
    const begin = claims.begin.bind(claims);
    const slow = jest.spyOn(claims, 'begin').mockImplementation(async (...claim) => {
      reached.resolve();
      await gate.promise;
      return begin(...claim);
    });
    const runs = all.responder.service.app.get(RunsInFlight, { strict: false });
    const asked = await askFor(stream);
    const connection = await connect(asked);
    await reached.promise;
    connection.destroy();
    while (runs.count > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    gate.resolve();
    await untilState(asked, 'indeterminate');
    slow.mockRestore();
    expect(upstream.completionsOf(asked.question.jti).started).toBe(0);
  });
});

describe('a stream', () => {
  it('has one head, frames counted from 0 and one final, and is not to be stored', async () => {
    upstream.follow({ replies: { tokens: ['one ', 'two ', 'three'], delayBetweenTokensMs: 60 } });
    const response = await all.send(await askFor(true));
    const events = [
      ...response.text.matchAll(/event: bulla\.(head|frame|final)\n(?:id: ([0-9]+)\n)?data: [A-Za-z0-9_-]+\n\n/g),
    ];
    expect(events.map(([text]) => text).join('')).toBe(response.text);
    const frames = events.slice(1, -1);
    expect([events[0]?.[1], events.at(-1)?.[1]]).toEqual(['head', 'final']);
    expect(frames.map(([, kind, id]) => [kind, id])).toEqual(frames.map((_, index) => ['frame', String(index)]));
    expect(frames.length).toBeGreaterThan(1);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
  });
});

/** Sends a signed request on a connection of its own and leaves it open. */
async function connect(asked: Asked): Promise<{ destroy(): void }> {
  const { service, url, clock } = all.responder;
  const { keyid, signer } = all.organisation.invoker;
  const body = Buffer.from(JSON.stringify(asked.body));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'idempotency-key': 'hang-up-0123456789',
  };
  const authority = service.authorities[0] ?? '';
  const parts = {
    method: 'POST',
    authority,
    path: '/api/v1/invocations',
    query: '?',
    header: (name: string) => headers[name],
    body: new Uint8Array(body),
  };
  const signature = await signRequest(parts, { keyid, signer, now: clock.now() });
  const sending = httpRequest(`${url}/api/v1/invocations`, {
    method: 'POST',
    headers: { ...headers, ...signature, host: authority },
  });
  sending.on('error', () => {}).on('response', (response: IncomingMessage) => response.on('error', () => {}).resume());
  sending.end(body);
  return sending;
}

/** Waits until the row of a question has come to a state: the run ends a moment after its connection. */
async function untilState(asked: Asked, state: string): Promise<void> {
  for (;;) {
    const row = await all.database.db
      .selectFrom('invocation')
      .select('state')
      .where('jti', '=', asked.question.jti)
      .executeTakeFirst();
    if (row?.state === state) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
