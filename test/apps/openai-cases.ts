import type { FakeReply } from '@bulla/testkit';
import type OpenAI from 'openai';
import { APIError } from 'openai';

/** What an app does with the SDK, and what it sees. */
export interface AppCase {
  readonly name: string;
  readonly replies?: FakeReply | readonly FakeReply[];
  readonly see: (client: OpenAI) => Promise<unknown>;
}

const MODEL = 'small';
const MESSAGES = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'How is the weather in Zürich? 😀' },
];
const ASKED = { model: MODEL, messages: MESSAGES };
const ALL_PARAMETERS = {
  temperature: 0.2,
  top_p: 0.9,
  presence_penalty: 0,
  frequency_penalty: 0.5,
  seed: 7,
  stop: 'END',
  max_completion_tokens: 100,
  logit_bias: { '50256': -100 },
  user: 'someone',
  n: 2,
  logprobs: true,
  reasoning_effort: 'low',
  verbosity: 'low',
  store: false,
  metadata: { app: 'test' },
} as const;
const TOOL = {
  type: 'function' as const,
  function: {
    name: 'look',
    description: 'Looks out of the window.',
    parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
  },
};
const CALLED = {
  tokens: [],
  toolCalls: [
    { index: 0, id: 'call_1', name: 'look', arguments: '{"town":' },
    { index: 0, arguments: '"Zürich"}' },
  ],
};
const CALLED_TWICE = {
  tokens: [],
  toolCalls: [...CALLED.toolCalls, { index: 1, id: 'call_2', name: 'look', arguments: '{"town":"Bern"}' }],
};
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const FORECAST = {
  type: 'object',
  properties: { rain: { type: 'boolean' }, degrees: { type: 'number' } },
  required: ['rain', 'degrees'],
  additionalProperties: false,
};

async function all<Piece>(stream: Promise<AsyncIterable<Piece>>): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of await stream) pieces.push(piece);
  return pieces;
}

/** Runs a tool as the helper of the SDK does, until the model has what it asked for. */
async function runTools(client: OpenAI): Promise<unknown> {
  const asked: string[] = [];
  const tool = {
    type: 'function' as const,
    function: {
      ...TOOL.function,
      parse: JSON.parse as (text: string) => { town: string },
      function: ({ town }: { town: string }) => (asked.push(town), 'rain'),
    },
  };
  const runner = client.chat.completions.runTools({ ...ASKED, tools: [tool] });
  return { content: await runner.finalContent(), asked, messages: runner.messages };
}

/** An error as an app sees it; what is said of it differs, since here more parts can fail. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const error: unknown = await work.then(
    (value) => ({ value }),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof APIError)) throw new Error('no error of the SDK', { cause: error });
  const { status } = error;
  return { class: error.constructor.name, status: status !== undefined && status >= 500 ? '5xx' : status };
}
const failing = (status: number): AppCase => ({
  name: `an error ${status}`,
  replies: [{ status, body: JSON.stringify({ error: { message: 'scripted', type: 'x' } }) }, {}],
  see: (client) => errorOf(client.chat.completions.create(ASKED, { maxRetries: 0 })),
});

export const CASES: readonly AppCase[] = [
  { name: 'a chat', see: (client) => client.chat.completions.create(ASKED) },
  {
    name: 'a chat with all that may be said of it',
    see: (client) =>
      client.chat.completions.create({
        ...ASKED,
        ...ALL_PARAMETERS,
      }),
  },
  { name: 'a stream', see: (client) => all(client.chat.completions.create({ ...ASKED, stream: true })) },
  {
    name: 'a stream with usage',
    see: (client) =>
      all(client.chat.completions.create({ ...ASKED, stream: true, stream_options: { include_usage: true } })),
  },
  {
    name: 'a stream of two choices',
    see: (client) => all(client.chat.completions.create({ ...ASKED, stream: true, n: 2 })),
  },
  {
    name: 'a stream put together',
    see: (client) => client.chat.completions.stream(ASKED).finalChatCompletion(),
  },
  {
    name: 'a refusal',
    replies: { tokens: [], refusal: ['I ', 'must not.'] },
    see: (client) => client.chat.completions.create(ASKED),
  },
  {
    name: 'an answer that is cut at its length',
    replies: { finishReason: 'length' },
    see: (client) => client.chat.completions.create(ASKED),
  },
  {
    name: 'a call of a tool',
    replies: CALLED,
    see: (client) => client.chat.completions.create({ ...ASKED, tools: [TOOL] }),
  },
  {
    name: 'calls in parallel, streamed',
    replies: CALLED_TWICE,
    see: (client) =>
      all(
        client.chat.completions.create({
          ...ASKED,
          tools: [TOOL],
          tool_choice: 'auto',
          parallel_tool_calls: true,
          stream: true,
        }),
      ),
  },
  { name: 'a loop of tools', replies: [CALLED_TWICE, { tokens: ['It ', 'rains.'] }], see: runTools },
  {
    name: 'structured output',
    replies: { tokens: ['{"rain":true,', '"degrees":12}'] },
    see: async (client) => {
      const { choices } = await client.chat.completions.parse({
        ...ASKED,
        tools: [{ ...TOOL, function: { ...TOOL.function, strict: true } }],
        response_format: { type: 'json_schema', json_schema: { name: 'forecast', strict: true, schema: FORECAST } },
      });
      return [choices, JSON.parse(choices[0]?.message.content ?? '')];
    },
  },
  {
    name: 'an image',
    see: (client) =>
      client.chat.completions.create({
        model: MODEL,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
            ],
          },
        ],
      }),
  },
  {
    name: 'embeddings',
    see: (client) => client.embeddings.create({ model: MODEL, input: ['a', 'b c'], dimensions: 3 }),
  },
  {
    name: 'embeddings as numbers',
    see: (client) => client.embeddings.create({ model: MODEL, input: 'a', encoding_format: 'float' }),
  },
  failing(400),
  failing(404),
  failing(422),
  failing(429),
  failing(500),
  {
    name: 'an error that goes away when it is tried again',
    replies: [{ status: 503, headers: { 'retry-after-ms': '20' } }, {}],
    see: (client) => client.chat.completions.create(ASKED, { maxRetries: 2 }),
  },
  {
    name: 'a time-out',
    replies: { delayBeforeHeadersMs: Number.POSITIVE_INFINITY },
    see: (client) => errorOf(client.chat.completions.create(ASKED, { maxRetries: 0, timeout: 1_000 })),
  },
  {
    name: 'an app that leaves before its answer',
    replies: { delayBeforeHeadersMs: Number.POSITIVE_INFINITY },
    see: async (client) => {
      const leaving = new AbortController();
      const asked = client.chat.completions.create(ASKED, { signal: leaving.signal });
      setTimeout(() => leaving.abort(), 500);
      return errorOf(asked);
    },
  },
  {
    name: 'an app that leaves in the middle of a stream',
    replies: { tokens: ['one ', 'two ', 'three ', 'four '], delayBetweenTokensMs: 300 },
    see: async (client) => {
      const pieces: unknown[] = [];
      for await (const chunk of await client.chat.completions.create({ ...ASKED, stream: true })) {
        pieces.push(chunk);
        if (pieces.length === 2) break;
      }
      return pieces;
    },
  },
  {
    name: 'a stream that breaks',
    replies: { faults: [{ kind: 'cut', afterTokens: 2 }] },
    see: async (client) => {
      const texts: unknown[] = [];
      const read = async () => {
        const stream = await client.chat.completions.create({ ...ASKED, stream: true }, { maxRetries: 0 });
        for await (const { choices } of stream) texts.push(choices[0]?.delta.content);
      };
      const failed = await read().then(
        () => false,
        () => true,
      );
      return { texts: texts.slice(0, 3), failed };
    },
  },
];
