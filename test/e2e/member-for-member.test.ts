import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AskerMessage, CompletionChunk, EmbeddingsRequest, ModelParameters } from '@bulla/client';
import { Bulla } from '@bulla/client';
import { connectionOf, Home, prepareDevelopment } from '@bulla/client/node';
import { PARAMETER_NAMES } from '@bulla/crypto';
import { DATA_BYTES_MAX } from '@bulla/crypto/names';
import type { FakeOpenai, FakeReply } from '@bulla/testkit';
import { startFakeOpenai } from '@bulla/testkit';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunningCommand } from '../bulla-command.js';
import { startUp } from '../bulla-command.js';
import { portSettings, prepareHome } from '../bulla-process.js';

// What goes into the SDK reaches the model server as an app would have sent it there itself, and comes back as it would
// have answered that app: member for member, with vault and responder between.

const NAME = 'apps/any';
const OWN = { role: 'user', content: 'Hello' } as const;
const TOOL = {
  type: 'function',
  function: {
    name: 'find_policy',
    description: 'Finds a policy.',
    strict: true,
    parameters: { type: 'object', properties: { constructor: { type: 'string' } }, required: ['constructor'] },
  },
} as const;
const PNG = 'data:image/png;base64,iVBORw0KGgo=';

let folder: string;
let fake: FakeOpenai;
let up: RunningCommand;
let bulla: Bulla;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulla-members-'));
  fake = await startFakeOpenai();
  const home = join(folder, 'home');
  const ports = await portSettings();
  const [vaultUrl = '', responderUrl = ''] = [ports.BULLA_VAULT_PORT, ports.BULLA_RESPONDER_PORT].map(
    (port) => `http://127.0.0.1:${port}`,
  );
  await prepareHome(home);
  const now = Math.floor(Date.now() / 1000);
  await prepareDevelopment(new Home(home), { vaultUrl, responderUrl, now, suite: 'p256' });
  up = await startUp({ BULLA_HOME: home, BULLA_LLM: `openai:${fake.url}`, ...ports });
  bulla = await Bulla.connect(await connectionOf(new Home(home)));
  const draft = {
    content: { messages: [OWN], vars: {}, model: { name: 'small' } },
    acceptsMessages: true,
    acceptsParameters: PARAMETER_NAMES,
  };
  await bulla.prompts.push(NAME, 'text', draft, ['production']);
});
afterAll(async () => {
  await bulla.close();
  await up.stop();
  await fake.stop();
  await rm(folder, { recursive: true });
});

interface Case {
  readonly parameters?: ModelParameters;
  readonly messages?: readonly AskerMessage[];
  readonly reply?: FakeReply;
}

async function direct(body: object): Promise<string> {
  const response = await fetch(`${fake.url}/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return response.text();
}

/** What arrived at the model server, without what only says how the answer is to come. */
function arrived(): unknown {
  const request = fake.requests.at(-1)?.json() ?? {};
  const { stream, stream_options: options, ...body } = request as Record<string, unknown>;
  expect([stream, options]).toEqual([true, { include_usage: true }]);
  return body;
}

async function isTheSame({ parameters = {}, messages = [], reply = {} }: Case): Promise<void> {
  fake.follow({ replies: reply });
  const body = { model: 'small', messages: [OWN, ...messages], ...parameters, store: false };
  const whole: unknown = JSON.parse(await direct(body));
  const answer = await bulla.prompt(NAME).run({}, { parameters, messages });
  expect(arrived()).toEqual(body);
  expect(answer.completion).toEqual(whole);
  const events = await direct({ ...body, stream: true, stream_options: { include_usage: true } });
  // By line feeds alone: a text may have other ends of lines, and JSON keeps U+2028 as it is.
  const data = events.split('\n').filter((line) => line.startsWith('data: {'));
  const pieces = data.map((line) => JSON.parse(line.slice('data: '.length)) as CompletionChunk);
  const chunks: CompletionChunk[] = [];
  let streamed: unknown;
  for await (const event of bulla.prompt(NAME).stream({}, { parameters, messages })) {
    if (event.answer === undefined) chunks.push(event.chunk);
    else streamed = event.answer.completion;
  }
  expect(arrived()).toEqual(body);
  expect(chunks).toEqual(pieces);
  expect(streamed).toEqual(whole);
  const chat = await bulla.chat.completions.create({ model: 'small', messages: [OWN, ...messages], ...parameters });
  expect(arrived()).toEqual(body);
  expect(chat.completion).toEqual(whole);
}

describe('embeddings through Bulla and those without it are the same', () => {
  it.each<[string, EmbeddingsRequest, FakeReply]>([
    ['one text', { model: 'small', input: 'How urgent?' }, {}],
    ['several texts in few dimensions', { model: 'small', input: ['a', 'b c', 'ü😀'], dimensions: 3 }, {}],
    ['base64', { model: 'small', input: ['a', 'b'], dimensions: 1_536, encoding_format: 'base64' }, {}],
    ['numbers of many dimensions', { model: 'small', input: 'a', dimensions: 32_768, encoding_format: 'float' }, {}],
    ['members that nobody named', { model: 'small', input: 'a' }, { members: { provider: { x: [1.5] } } }],
  ])('%s', async (_name, request, reply) => {
    fake.follow({ replies: reply });
    const response = await fetch(`${fake.url}/embeddings`, { method: 'POST', body: JSON.stringify(request) });
    const { embeddings, answer } = await bulla.embeddings.create(request);
    expect(embeddings).toEqual(await response.json());
    expect(fake.requests.at(-1)).toMatchObject({ path: '/v1/embeddings' });
    expect(fake.requests.at(-1)?.json()).toEqual(request);
    expect(answer).toMatchObject({ verified: true, text: '', model: 'small', finish: 'stop' });
    expect((await bulla.verify(answer.toFile({ showQuestion: true }))).valid).toBe(true);
  });
});

const call = (id: string, text: string) =>
  ({ id, type: 'function', function: { name: 'find_policy', arguments: text } }) as const;

describe('a question through Bulla and one without it are the same, and so are the answers', () => {
  it.each<[string, Case]>([
    ['words', {}],
    [
      'parameters',
      {
        parameters: {
          temperature: 0.25,
          top_p: 0.5,
          presence_penalty: -1.5,
          frequency_penalty: 1,
          seed: -7,
          stop: ['END', '\n'],
          logit_bias: { '50256': -100 },
          reasoning_effort: 'low',
          verbosity: 'high',
        },
      },
    ],
    [
      'a call of a tool',
      {
        parameters: { tools: [TOOL], tool_choice: { type: 'function', function: { name: 'find_policy' } } },
        reply: {
          tokens: [],
          toolCalls: [
            { index: 0, id: 'call_1', name: 'find_policy', arguments: '{"constructor":' },
            { index: 0, arguments: '"P-7"}' },
          ],
        },
      },
    ],
    [
      'parallel calls of tools',
      {
        parameters: { tools: [TOOL], tool_choice: 'required', parallel_tool_calls: true },
        reply: {
          tokens: ['I look.'],
          toolCalls: [
            { index: 0, id: 'call_1', name: 'find_policy', arguments: '{"constructor":"a"}' },
            { index: 1, id: 'call_2', name: 'find_policy', arguments: '{"constructor":"b"}' },
          ],
        },
      },
    ],
    [
      'results of tools',
      {
        parameters: { tools: [TOOL] },
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [call('call_1', '{"constructor":"a"}'), call('call_2', '{')],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '{"found":true}' },
          { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'no JSON' }] },
        ],
        reply: { tokens: ['It ', 'is covered.'] },
      },
    ],
    [
      'JSON of a schema',
      {
        parameters: {
          response_format: {
            type: 'json_schema',
            json_schema: { name: 'urgency', strict: true, schema: { type: 'object', properties: { 'a b': {} } } },
          },
        },
        reply: { tokens: ['{"a b":', ' 1.0}'] },
      },
    ],
    [
      'an image and a file',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
              { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0x', filename: 'Schaden ü.pdf' } },
            ],
          },
        ],
        reply: { tokens: ['A pixel.'] },
      },
    ],
    ['a refusal', { reply: { tokens: [], refusal: ['I may ', 'not.'] } }],
    [
      'what was refused before',
      {
        messages: [
          { role: 'assistant', content: null, refusal: 'I may not.' },
          { role: 'user', content: 'Why?' },
        ],
      },
    ],
    [
      'several answers with probabilities',
      { parameters: { n: 3, logprobs: true, top_logprobs: 2 }, reply: { tokens: ['grün ', '😀'] } },
    ],
    [
      'members that nobody named',
      {
        reply: {
          members: { service_tier: 'flex', provider: { name: 'x', deep: [{ y: [1.5] }] } },
          usage: {
            prompt_tokens: 1,
            completion_tokens: 2,
            total_tokens: 3,
            completion_tokens_details: { reasoning_tokens: 1 },
          },
        },
      },
    ],
    ['an answer that was cut', { reply: { tokens: ['a'], finishReason: 'length' } }],
  ])('%s', async (_name, one) => {
    await isTheSame(one);
    expect(fake.failures).toEqual([]);
  });

  it('a chat with 4 MiB of images, and not one byte more', async () => {
    fake.follow({ replies: { tokens: ['A pixel.'] } });
    const dataUrl = (bytes: number) => `data:image/png;base64,${Buffer.alloc(bytes, 7).toString('base64')}`;
    const image = (bytes: number): AskerMessage => ({
      role: 'user',
      content: [{ type: 'image_url', image_url: { url: dataUrl(bytes) } }],
    });
    const messages = [image(DATA_BYTES_MAX - 1), image(1)];
    const { text } = await bulla.chat.completions.create({ model: 'small', messages });
    expect(text).toBe('A pixel.');
    expect(arrived()).toEqual({ model: 'small', messages, store: false });
    const before = fake.requests.length;
    const over = bulla.chat.completions.create({ model: 'small', messages: [...messages, image(1)] });
    await expect(over).rejects.toMatchObject({ code: 'payload_too_large', origin: 'client' });
    expect(fake.requests).toHaveLength(before);
  });

  it('whatever is in the texts', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !one.includes('\0'));
    // A schema has any names but that one.
    const names = text.filter((one) => one !== '__proto__');
    const json = fc.dictionary(names, fc.oneof(text, fc.boolean(), fc.integer(), fc.constant(null)));
    const clean = json.map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>);
    const cases = fc.record({
      messages: fc.array(text.map((content): AskerMessage => ({ role: 'user', content }))),
      parameters: fc.record({ schema: clean, seed: fc.integer() }).map(({ schema, seed }) => ({
        seed,
        tools: [{ type: 'function' as const, function: { name: 'f', parameters: schema } }],
      })),
      reply: fc.record({ tokens: fc.array(text, { minLength: 1 }), refusal: fc.array(text, { minLength: 1 }) }),
    });
    await fc.assert(fc.asyncProperty(cases, isTheSame), { numRuns: 10 });
  });
});
