import type { FakeFault, FakeOpenai, FakeReply, TestDatabase } from '@bulla/testkit';
import { databaseForTest, startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from './fault-watch.js';
import { type ResponderWorld, startResponderWorld } from './responder-world.js';

// Every member of a fake upstream's script against a responder in a process of its own: whatever the model server does,
// the asker gets the whole answer, or an error that is sealed and signed. Never half of one that says it is whole.

const databases: readonly TestDatabase[] = [await databaseForTest(), await databaseForTest()];
const [url, otherUrl] = databases.map((database) => database.url);
let world: ResponderWorld;
/** Another that waits a second, for a model that takes too long: of the first, a busy machine might be too slow. */
let impatient: ResponderWorld;
let inside: FakeOpenai;

const NEVER = Number.POSITIVE_INFINITY;
const CANARY = 'upstream-canary-51c3';
const tokens = ['one ', 'two ', 'drei ü 😀'];
const WHOLE = tokens.join('');

/** A script, and how a run under it ends: with a finish and the whole text, or with a sealed code. */
interface Case {
  readonly reply: FakeReply;
  readonly ends:
    | { readonly kind: 'answer'; readonly finish: string }
    | { readonly kind: 'sealed'; readonly code: string };
}
const whole = (reply: FakeReply, finish = 'stop'): Case => ({
  reply: { tokens, ...reply },
  ends: { kind: 'answer', finish },
});
const fails = (reply: FakeReply, code = 'upstream_unavailable'): Case => ({
  reply: { tokens, ...reply },
  ends: { kind: 'sealed', code },
});

/** By name of what is scripted: a member that comes later has to be added here to compile. */
const SCRIPTS: { readonly [Member in Exclude<keyof FakeReply, 'faults'>]-?: readonly Case[] } = {
  status: [
    fails({ status: 401, body: CANARY }, 'upstream_auth'),
    fails({ status: 403, body: CANARY }, 'upstream_auth'),
    fails({ status: 429, body: CANARY }, 'upstream_rate_limited'),
    fails({ status: 500, body: CANARY }),
    fails({ status: 503, body: CANARY }),
    fails({ status: 504, body: CANARY }, 'upstream_timeout'),
    fails({ status: 204 }),
  ],
  body: [fails({ status: 400, body: CANARY.repeat(10_000) })],
  contentType: [fails({ contentType: 'text/html' }), fails({ contentType: 'application/json' })],
  headers: [
    fails({ status: 429, headers: { 'retry-after': '9'.repeat(400) } }, 'upstream_rate_limited'),
    fails({ headers: { 'content-encoding': 'gzip' } }),
    whole({ headers: { 'set-cookie': `a=${CANARY}` } }),
  ],
  delayBeforeHeadersMs: [
    whole({ delayBeforeHeadersMs: 200 }),
    fails({ delayBeforeHeadersMs: NEVER }, 'upstream_timeout'),
  ],
  delayBeforeTokensMs: [whole({ delayBeforeTokensMs: 200 }), fails({ delayBeforeTokensMs: NEVER }, 'upstream_timeout')],
  delayBetweenTokensMs: [
    whole({ delayBetweenTokensMs: 100 }),
    fails({ tokens: Array.from({ length: 90 }, () => 'x'), delayBetweenTokensMs: 50 }, 'upstream_timeout'),
  ],
  tokens: [whole({}), whole({ tokens: ['a'.repeat(100_000)] })],
  refusal: [whole({ tokens: [], refusal: ['I may', ' not.'] }), fails({ refusal: ['\0'] })],
  members: [
    whole({ members: { service_tier: 'x', deep: [[[1]]] } }),
    whole({ members: JSON.parse(`{"deep":${'['.repeat(1_000)}${']'.repeat(1_000)}}`) as Record<string, unknown> }),
    fails({ members: { choices: [] } }),
  ],
  toolCalls: [
    whole({ toolCalls: [{ index: 0, id: 'call_1', name: 'f', arguments: '{"a":1}' }] }, 'tool_calls'),
    fails({ toolCalls: [{ index: 0, id: 'call_1', name: 'f', arguments: '{"a":' }] }),
    fails({ toolCalls: [{ index: 500, id: 'call_1', name: 'f', arguments: '{}' }] }),
  ],
  finishReason: [
    whole({ finishReason: 'length' }, 'length'),
    fails({ finishReason: null }),
    fails({ finishReason: 'content_filter' }),
    fails({ finishReason: CANARY }),
  ],
  usage: [whole({ usage: false }), fails({ usage: { prompt_tokens: -1, completion_tokens: 1, total_tokens: 0 } })],
  usagePlace: [whole({ usagePlace: 'merged' }), whole({ usagePlace: 'separate' })],
  model: [whole({ model: 'another' }), fails({ model: 'x'.repeat(300) })],
  splitUtf8: [whole({ splitUtf8: true })],
  lineEnd: [whole({ lineEnd: '\r\n' })],
  omitDone: [fails({ omitDone: true })],
  hangAfterDone: [whole({ hangAfterDone: true })],
};
const at = (fault: FakeFault): FakeReply => ({ faults: [fault] });
const KINDS: { readonly [Kind in FakeFault['kind']]: readonly Case[] } = {
  stall: [0, 2, 3].map((afterTokens) => fails(at({ kind: 'stall', afterTokens }), 'upstream_timeout')),
  cut: [0, 2, 3].map((afterTokens) => fails(at({ kind: 'cut', afterTokens }))),
  write: [
    fails(at({ kind: 'write', afterTokens: 2, text: `<html>${CANARY}\n` })),
    fails(at({ kind: 'write', afterTokens: 2, text: `data: {"${CANARY}\n\n` })),
    fails(at({ kind: 'write', afterTokens: 2, text: 'data: [DONE]\n\n' })),
    fails(at({ kind: 'write', afterTokens: 2, text: `data: {"error":{"message":"${CANARY}"}}\n\n` })),
    fails(at({ kind: 'write', afterTokens: 2, text: `data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n` })),
    whole(at({ kind: 'write', afterTokens: 2, text: ': a comment\n\n' })),
  ],
  'huge-event': [fails(at({ kind: 'huge-event', afterTokens: 2, bytes: 2_000_000 }))],
};
const CASES = Object.entries({ ...SCRIPTS, ...KINDS }).flatMap(([member, cases]) =>
  cases.flatMap((one, n) => [false, true].map((stream) => ({ member, n, stream, ...one }))),
);

(url === undefined ? describe.skip : describe)('a model server in a run', () => {
  beforeAll(async () => {
    world = await startResponderWorld(url ?? '');
    impatient = await startResponderWorld(otherUrl ?? '', { BULLA_LLM_TIMEOUT_MS: '1000' });
    inside = await startFakeOpenai();
  });
  afterAll(async () => {
    await world.stop();
    await world.upstream.stop();
    await impatient.stop();
    await inside.stop();
    for (const database of databases) await database.drop();
  });

  it.each(CASES)('scripted by $member ($n), stream: $stream, ends as $ends', async ({ reply, stream, ends }) => {
    const { upstream, ...asker } = 'code' in ends && ends.code === 'upstream_timeout' ? impatient : world;
    upstream.follow({ replies: reply });
    const asked = await asker.question({ question: { opt: { stream, privacy: 'padded' } } });
    const outcome = await asker.outcome(asked, await asker.send(asked));
    expect(outcome).toMatchObject(ends);
    const [said, meant] = ['text' in outcome ? outcome.text : undefined, (reply.tokens ?? []).join('')];
    // What came before an error was said, and nothing else.
    expect(ends.kind === 'answer' ? said : meant.slice(0, said?.length)).toBe(ends.kind === 'answer' ? meant : said);
    expect(upstream.completionsOf(asked.question.jti).started).toBeLessThanOrEqual(1);
    expect(upstream.requests.filter(({ requestId }) => requestId === asked.question.jti)).toHaveLength(1);
    expect(asker.responder.output()).not.toContain(CANARY);
  });

  it.each([301, 302, 303, 307, 308])('that redirects (%i) is not followed', async (status) => {
    world.upstream.follow({ replies: { status, headers: { location: `${inside.url}/chat/completions` } } });
    const asked = await world.question();
    expect(await world.outcome(asked, await world.send(asked))).toMatchObject({ code: 'upstream_unavailable' });
    expect(inside.receivedBytes).toHaveLength(0);
  });

  it('that is not there ends a run, and the next is answered when it is back', async () => {
    const { port } = world.upstream;
    await world.upstream.stop();
    const asked = await world.question();
    expect(await world.outcome(asked, await world.send(asked))).toMatchObject({
      kind: 'sealed',
      code: 'upstream_unavailable',
    });
    const back = await startFakeOpenai({ replies: { tokens } }, port);
    const again = await world.question();
    expect(await world.outcome(again, await world.send(again))).toMatchObject({ kind: 'answer', text: WHOLE });
    world = { ...world, upstream: back };
  });

  it('finds a responder that says what its start line lacked', () => {
    expect(world.responder.events('freed-memory-kept')).toHaveLength(1);
  });

  it('is never quoted in the log, which says that a run failed', async () => {
    for (const { upstream, responder, ...asker } of [world, impatient]) {
      upstream.follow({ replies: { status: 500, body: CANARY } });
      const before = responder.events('run-failed').length;
      for (let times = 0; times <= 10; times++) {
        const asked = await asker.question();
        expect(await asker.outcome(asked, await asker.send(asked))).toMatchObject({ code: 'upstream_unavailable' });
      }
      await until('they are logged', async () => responder.events('run-failed').length > before + 10);
      expect(responder.output()).not.toContain(CANARY);
    }
  });
});
