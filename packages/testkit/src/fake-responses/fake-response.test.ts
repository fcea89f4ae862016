import { afterEach, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { type FakeOpenai, startFakeOpenai } from '../fake-openai.js';
import type { FakeReply } from '../fake-openai-script.js';

let fake: FakeOpenai;
afterEach(() => fake.stop());

const asking = async (reply: FakeReply) => {
  fake = await startFakeOpenai({ replies: reply });
  return new OpenAI({ apiKey: 'unused', baseURL: fake.url, maxRetries: 0 });
};
const ASKED = { model: 'm', input: 'Hello' };
const CALLS = [
  { index: 0, id: 'call_1', name: 'look', arguments: '{"a"' },
  { index: 0, arguments: ':1}' },
];

it.each<[string, FakeReply]>([
  ['text', { tokens: ['Hel', 'lo'] }],
  ['a call', { tokens: [], toolCalls: CALLS }],
  ['text and a call', { tokens: ['a'], toolCalls: CALLS }],
  ['what was cut', { tokens: ['a'], finishReason: 'length' }],
])("puts %s together as OpenAI's SDK reads it, whole and from events", async (_name, reply) => {
  const client = await asking(reply);
  const whole = await client.responses.create(ASKED);
  const streamed = await client.responses.stream(ASKED).finalResponse();
  expect(streamed.output_text).toBe(whole.output_text);
  expect(streamed.output).toMatchObject(whole.output);
  expect(whole.output_text).toBe((reply.tokens ?? []).join(''));
});

it('follows the faults of its script', async () => {
  const client = await asking({ tokens: ['a', 'b'], faults: [{ kind: 'cut', afterTokens: 1 }] });
  const read = async () => {
    for await (const _event of await client.responses.create({ ...ASKED, stream: true }));
  };
  await expect(read()).rejects.toThrow(/terminated/);
});

it('is an error where the script says so', async () => {
  const client = await asking({ status: 429 });
  await expect(client.responses.create(ASKED)).rejects.toBeInstanceOf(OpenAI.RateLimitError);
});
