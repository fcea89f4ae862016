import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FakeOpenai, type FakeReply, startFakeOpenai } from '@bulla/testkit';
import type { ModelChunk, ModelRequest } from './model.js';
import { OpenaiModel } from './openai.model.js';

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
  model = new OpenaiModel({ url: fake.url, timeouts: TIMEOUTS });
});
afterEach(async () => {
  await fake.stop();
  await model.close();
});

async function collect(request: Partial<ModelRequest> = {}): Promise<ModelChunk[]> {
  const chunks: ModelChunk[] = [];
  for await (const some of model.stream({ ...REQUEST, ...request }, new AbortController().signal)) chunks.push(...some);
  return chunks;
}

function answering(reply: FakeReply, request: Partial<ModelRequest> = {}): Promise<ModelChunk[]> {
  fake.follow({ replies: reply });
  return collect(request);
}

describe('an answer', () => {
  it('keeps members that nobody named, at every place, but none that its reader would refuse', async () => {
    const event = {
      choices: [{ index: 0, delta: { content: 'x', reasoning: 'y' }, logprobs: { content: [{ logprob: -0.25 }] } }],
      odd: { deep: [1] },
    };
    const write = (odd: unknown) => `data: ${JSON.stringify({ ...event, odd })}\n\n`;
    const deep = JSON.parse(`${'['.repeat(17)}${']'.repeat(17)}`) as unknown;
    for (const [odd, isKept] of [
      [event.odd, true],
      ['\ud800', false],
      [{ prototype: 1 }, false],
      [deep, false],
      [Array(70_000).fill(0), false],
    ] as const) {
      const chunks = await answering({ tokens: [], faults: [{ afterTokens: 0, kind: 'write', text: write(odd) }] });
      const {
        object: _object,
        id: _id,
        created: _created,
        model: _model,
        ...said
      } = chunks[0] ?? ({} as Partial<ModelChunk>);
      const known = { index: 0, delta: { content: 'x' }, finish_reason: null };
      expect(said).toEqual(
        isKept ? { choices: [{ ...event.choices[0], finish_reason: null }], odd } : { choices: [known] },
      );
    }
  });

  it('keeps what is said of the answer before it begins, and the details of its usage', async () => {
    const filtered = { choices: [], prompt_filter_results: [{ prompt_index: 0 }] };
    const usage = {
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
      prompt_tokens_details: { cached_tokens: 1 },
    };
    const write = `data: ${JSON.stringify(filtered)}\n\n`;
    const chunks = await answering({ usage, faults: [{ afterTokens: 0, kind: 'write', text: write }] });
    expect(chunks[0]).toMatchObject(filtered);
    expect(chunks.at(-1)?.usage).toEqual(usage);
  });

  it('has as many choices as were asked for, each with its own end', async () => {
    const write = [
      { choices: [{ index: 1, delta: { content: 'b' } }] },
      {
        choices: [
          { index: 0, delta: { content: 'a' } },
          { index: 1, delta: {}, finish_reason: 'length' },
        ],
      },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`);
    const reply: FakeReply = { tokens: [], faults: [{ afterTokens: 0, kind: 'write', text: write.join('') }] };
    const chunks = await answering(reply, { parameters: { n: 2 } });
    const pieces = chunks.flatMap(({ choices }) => choices);
    expect(
      pieces.filter(({ index }) => index === 1).map((piece) => piece.delta.content ?? piece.finish_reason),
    ).toEqual(['b', 'length']);
    expect(pieces.flatMap((piece) => piece.finish_reason ?? [])).toEqual(['length', 'stop']);
    expect(fake.requests[0]?.json()).toMatchObject({ n: 2 });
  });

  it('cuts off every choice that goes on', async () => {
    const events = [0, 0, 1, 0, 0].map((index) => ({ choices: [{ index, delta: { content: 'x' } }] }));
    const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
    const reply: FakeReply = { faults: [{ afterTokens: 0, kind: 'write', text }] };
    const chunks = await answering(reply, { maxOutputTokens: 2, parameters: { n: 2 } });
    expect(chunks.at(-1)?.choices).toEqual([0, 1].map((index) => ({ index, delta: {}, finish_reason: 'length' })));
    expect(chunks).toHaveLength(4);
  });
});
