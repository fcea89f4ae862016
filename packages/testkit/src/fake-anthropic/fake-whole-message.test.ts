import { afterEach, expect, it } from '@jest/globals';
import type { FakeAnthropic } from './fake-anthropic.js';
import { startFakeAnthropic } from './fake-anthropic.js';
import type { FakeMessageReply } from './fake-anthropic-script.js';

let fake: FakeAnthropic;
afterEach(() => fake.stop());

async function whole(replies: FakeMessageReply): Promise<unknown> {
  fake = await startFakeAnthropic({ replies });
  const body = JSON.stringify({ model: 'm', max_tokens: 9, messages: [] });
  return (await fetch(`${fake.url}/messages`, { method: 'POST', body })).json();
}

it.each<[string, FakeMessageReply, object]>([
  ['text', { tokens: ['Hel', 'lo'] }, { content: [{ type: 'text', text: 'Hello' }], stop_reason: 'end_turn' }],
  [
    'thinking, text and calls',
    {
      thinking: ['h', 'm'],
      tokens: ['a'],
      toolCalls: [
        { id: 't1', name: 'look', input: ['{"a"', ':1}'] },
        { id: 't2', name: 'look', input: [] },
      ],
    },
    {
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
        { type: 'text', text: 'a' },
        { type: 'tool_use', id: 't1', name: 'look', input: { a: 1 } },
        { type: 'tool_use', id: 't2', name: 'look', input: {} },
      ],
      stop_reason: 'tool_use',
    },
  ],
  ['an end that the script says', { tokens: [], stopReason: 'max_tokens' }, { content: [], stop_reason: 'max_tokens' }],
])('says %s at once where no stream was asked for', async (_name, reply, message) => {
  expect(await whole(reply)).toMatchObject({
    type: 'message',
    role: 'assistant',
    model: 'm',
    stop_sequence: null,
    ...message,
  });
});
