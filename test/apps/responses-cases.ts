import type OpenAI from 'openai';
import type { AppCase } from './openai-cases.js';
import { errorOf } from './openai-cases.js';

type Responses = OpenAI.Responses.Response;
type Create = OpenAI.Responses.ResponseCreateParamsNonStreaming;

const ASKED = { model: 'small', input: 'How is the weather in Zürich? 😀' };
const USAGE = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const RAINS = { tokens: ['It ', 'rains.'], usage: USAGE };
const TOOL = {
  type: 'function' as const,
  name: 'look',
  parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
  strict: false,
};
const CALLED = {
  tokens: [],
  usage: USAGE,
  toolCalls: [
    { index: 0, id: 'call_1', name: 'look', arguments: '{"town":' },
    { index: 0, arguments: '"Zürich"}' },
    { index: 1, id: 'call_2', name: 'look', arguments: '{"town":"Bern"}' },
  ],
};
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const FORECAST = {
  type: 'json_schema' as const,
  name: 'forecast',
  strict: true,
  schema: {
    type: 'object',
    properties: { rain: { type: 'boolean' } },
    required: ['rain'],
    additionalProperties: false,
  },
};

/** What an app reads of a response: all but names and times, which differ each time, and what it said itself. */
function seenOf({ output, output_text, status, incomplete_details, usage, model, error }: Responses): unknown {
  const items = output.map((item) => withoutIds(item));
  return { items, output_text, status, incomplete_details, usage, model, error };
}

function withoutIds<Value>(value: Value): Value {
  const text = JSON.stringify(value, (name, member: unknown) =>
    ['id', 'item_id', 'response', 'sequence_number'].includes(name) ? undefined : member,
  );
  return JSON.parse(text) as Value;
}

async function whole(client: OpenAI, more: Partial<Create> = {}): Promise<unknown> {
  return seenOf(await client.responses.create({ ...ASKED, ...more }));
}

/** Every event, and how their numbers follow each other. */
async function events(client: OpenAI, more: Partial<Create> = {}): Promise<unknown> {
  const seen: unknown[] = [];
  for await (const event of await client.responses.create({ ...ASKED, ...more, stream: true })) {
    const isLife = 'response' in event;
    seen.push(withoutIds(event), event.sequence_number, isLife ? event.response.status : undefined);
    if (event.type === 'response.completed') seen.push(seenOf(event.response));
  }
  return seen;
}

/** A loop of functions as apps write it: each result goes back with all that came before. */
async function runFunctions(client: OpenAI): Promise<unknown> {
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: ASKED.input }];
  for (let round = 0; round < 3; round++) {
    const response = await client.responses.create({ model: ASKED.model, input, tools: [TOOL], store: false });
    input.push(...(response.output as OpenAI.Responses.ResponseInput));
    const calls = response.output.filter((item) => item.type === 'function_call');
    if (calls.length === 0) return { text: response.output_text, input: withoutIds(input) };
    for (const { call_id, arguments: text } of calls)
      input.push({ type: 'function_call_output', call_id, output: `rain: ${text}` });
  }
  throw new Error('the loop did not end');
}

const failing = (status: number): AppCase => ({
  name: `an error ${status}`,
  replies: [{ status, body: JSON.stringify({ error: { message: 'scripted', type: 'x' } }) }, {}],
  see: (client) => errorOf(client.responses.create(ASKED, { maxRetries: 0 })),
});

/** What an app does with responses of the SDK. */
export const RESPONSES_CASES: readonly AppCase[] = [
  { name: 'a response', replies: RAINS, see: (client) => whole(client) },
  {
    name: 'a response with all that may be said of it',
    replies: RAINS,
    see: (client) =>
      whole(client, {
        instructions: 'Be brief.',
        temperature: 0.2,
        top_p: 0.9,
        max_output_tokens: 100,
        reasoning: { effort: 'low' },
        text: { verbosity: 'low' },
        metadata: { app: 'test' },
        store: false,
        user: 'someone',
        truncation: 'disabled',
        include: ['reasoning.encrypted_content'],
      }),
  },
  { name: 'its events', replies: RAINS, see: (client) => events(client) },
  {
    name: 'events put together',
    replies: RAINS,
    see: async (client) => seenOf(await client.responses.stream(ASKED).finalResponse()),
  },
  { name: 'what is cut at its length', replies: { ...RAINS, finishReason: 'length' }, see: (client) => whole(client) },
  { name: 'calls of functions', replies: CALLED, see: (client) => whole(client, { tools: [TOOL] }) },
  {
    name: 'events of calls, put together',
    replies: { ...CALLED, ...RAINS },
    see: async (client) => seenOf(await client.responses.stream({ ...ASKED, tools: [TOOL] }).finalResponse()),
  },
  { name: 'a loop of functions', replies: [CALLED, RAINS], see: runFunctions },
  {
    name: 'structured output',
    replies: { tokens: ['{"rain":', 'true}'], usage: USAGE },
    see: async (client) => {
      const { output_parsed: parsed } = await client.responses.parse({ ...ASKED, text: { format: FORECAST } });
      return parsed;
    },
  },
  {
    name: 'an image',
    replies: RAINS,
    see: (client) =>
      whole(client, {
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'What is this?' },
              { type: 'input_image', image_url: PNG, detail: 'low' },
            ],
          },
        ],
      }),
  },
  failing(400),
  failing(429),
  failing(500),
  {
    name: 'an error that goes away when it is tried again',
    replies: [{ status: 503, headers: { 'retry-after-ms': '20' } }, RAINS],
    see: async (client) => seenOf(await client.responses.create(ASKED, { maxRetries: 2 })),
  },
  {
    name: 'an app that leaves before its answer',
    replies: { delayBeforeHeadersMs: Number.POSITIVE_INFINITY },
    see: (client) => {
      const leaving = new AbortController();
      const asked = client.responses.create(ASKED, { signal: leaving.signal });
      setTimeout(() => leaving.abort(), 500);
      return errorOf(asked);
    },
  },
  {
    name: 'an app that leaves in the middle of a stream',
    replies: { ...RAINS, tokens: ['one ', 'two ', 'three ', 'four '], delayBetweenTokensMs: 300 },
    see: async (client) => {
      const texts: string[] = [];
      for await (const event of await client.responses.create({ ...ASKED, stream: true })) {
        if (event.type === 'response.output_text.delta') texts.push(event.delta);
        if (texts.length === 2) break;
      }
      return texts;
    },
  },
  {
    name: 'a stream that breaks',
    replies: { ...RAINS, faults: [{ kind: 'cut', afterTokens: 1 }] },
    see: async (client) => {
      const types: string[] = [];
      const read = async () => {
        for await (const { type } of await client.responses.create({ ...ASKED, stream: true }, { maxRetries: 0 }))
          types.push(type);
      };
      const failed = await read().then(
        () => false,
        () => true,
      );
      return { ends: types.filter((type) => /done|completed/.test(type)), failed };
    },
  },
];
