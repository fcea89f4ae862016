import type { FakeMessageReply, FakeReply } from '@bulla/testkit';

/** One answer, as the scripts of both model servers have it: that of Anthropic's interface and that of OpenAI's. */
export interface Said {
  readonly anthropic: FakeMessageReply;
  readonly openai: FakeReply;
}

/** @param input of a tool that is called, as JSON. */
export function saidTwice(tokens: readonly string[], input?: string, name = 'look'): Said {
  const id = 'call_1';
  return {
    anthropic: {
      tokens,
      usage: { input_tokens: 7, output_tokens: 2 },
      ...(input !== undefined && { toolCalls: [{ id, name, input: [input] }] }),
    },
    openai: {
      tokens,
      usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
      ...(input !== undefined && { toolCalls: [{ index: 0, id, name, arguments: input }] }),
    },
  };
}
