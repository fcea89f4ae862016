import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { AppsWorld } from './apps-world.js';
import { startAppsWorld } from './apps-world.js';

// Requests in the shapes that Open WebUI (aiohttp, from its own server) and LibreChat (LangChain's client of OpenAI's SDK)
// send to an OpenAI-compatible connection, byte by byte written here by what their sources make.

const CHAT = 'apps/chat';
const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const WEBUI_HEADERS = {
  'user-agent': 'Python/3.11 aiohttp/3.12.15',
  accept: '*/*',
  'accept-encoding': 'gzip, deflate, br',
  'http-referer': 'https://openwebui.com/',
  'x-title': 'Open WebUI',
  'x-openwebui-user-name': 'Ann',
  'x-openwebui-user-role': 'user',
};
const LIBRECHAT_HEADERS = {
  'user-agent': 'OpenAI/JS 6.1.0',
  accept: 'application/json',
  'x-stainless-lang': 'js',
  'x-stainless-retry-count': '0',
  'x-stainless-timeout': '600',
};
const SEARCH = {
  type: 'function',
  function: {
    name: 'search_web',
    description: 'Searches.',
    parameters: {
      type: 'object',
      properties: { query: { type: 'string', description: 'What for.' } },
      required: ['query'],
    },
  },
};
const CALL = { id: 'call_abc', type: 'function', function: { name: 'search_web', arguments: '{"query":"rain"}' } };

let world: AppsWorld;
beforeAll(async () => {
  world = await startAppsWorld();
  const draft = {
    content: { messages: [{ role: 'system' as const, content: 'Sort claims.' }], vars: {}, model: { name: 'small' } },
    acceptsMessages: true,
    acceptsParameters: ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty'] as const,
  };
  await world.bulla.prompts.push(CHAT, 'text', draft, ['production']);
});
afterAll(() => world.stop());
beforeEach(() => world.fake.follow({}));

function send(path: string, headers: Readonly<Record<string, string>>, body?: object): Promise<Response> {
  const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = world.settings.bulla;
  return fetch(`${base}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...headers, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}
const arrived = () => world.fake.requests.at(-1)?.json() as Readonly<Record<string, unknown>>;

async function streamed(response: Response): Promise<string> {
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const text = await response.text();
  expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  const chunks = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data = '']) => JSON.parse(data) as Chunk);
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}
interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
}

describe('Open WebUI', () => {
  const post = (body: object) => send('/chat/completions', WEBUI_HEADERS, body);

  it('finds models and prompts when the connection is added', async () => {
    const list = (await (await send('/models', WEBUI_HEADERS)).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toContain(`prompt:${CHAT}`);
  });

  it('chats with its parameters, images and history, and is told what it took', async () => {
    const response = await post({
      stream: true,
      model: 'small',
      messages: [
        { role: 'system', content: 'User Context:\n\nBe kind.' },
        { role: 'user', content: 'What is this?' },
        { role: 'assistant', content: '<details type="reasoning" done="true">\n> hm\n</details>\nA picture.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'And this?' },
            { type: 'image_url', image_url: { url: PNG } },
          ],
        },
      ],
      stream_options: { include_usage: true },
      temperature: 0.7,
      top_p: 0.9,
      max_tokens: 512,
      frequency_penalty: 0.1,
      presence_penalty: 0,
      seed: 42,
      stop: ['\n\n'],
      logit_bias: { '50256': -100 },
      reasoning_effort: 'medium',
    });
    expect(await streamed(response)).toBe('This is the fake upstream.');
    expect(arrived()).toMatchObject({ temperature: 0.7, seed: 42, stop: ['\n\n'], max_tokens: 512 });
  });

  it('asks for titles and tags without a stream', async () => {
    const response = await post({
      model: 'small',
      messages: [{ role: 'user', content: '### Task:\nGenerate a concise title' }],
      stream: false,
      max_completion_tokens: 1_000,
    });
    expect(await response.json()).toHaveProperty('choices');
  });

  it('calls tools by itself and comes back with what they said', async () => {
    const response = await post({
      stream: true,
      model: 'small',
      messages: [
        { role: 'user', content: 'Does it rain?' },
        { role: 'assistant', content: '', tool_calls: [{ index: 0, ...CALL }] },
        { role: 'tool', tool_call_id: 'call_abc', content: '[{"type":"text","text":"rain"}]' },
      ],
      tools: [SEARCH],
    });
    expect(await streamed(response)).toBe('This is the fake upstream.');
    expect(arrived()).toMatchObject({ tools: [SEARCH] });
  });

  it('chats with a stored prompt as with any model', async () => {
    const response = await post({
      stream: true,
      model: `prompt:${CHAT}`,
      messages: [{ role: 'user', content: 'The roof leaks.' }],
      temperature: 0.2,
    });
    expect(await streamed(response)).toBe('This is the fake upstream.');
    expect(arrived()).toMatchObject({
      messages: [
        { role: 'system', content: 'Sort claims.' },
        { role: 'user', content: 'The roof leaks.' },
      ],
    });
  });

  it('whose user stops an answer stops the model', async () => {
    world.fake.follow({ replies: { tokens: ['a ', 'b '], delayBetweenTokensMs: 60_000 } });
    const leaving = new AbortController();
    const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = world.settings.bulla;
    const response = await fetch(`${base}/chat/completions`, {
      method: 'POST',
      headers: { ...WEBUI_HEADERS, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'small', stream: true, messages: [{ role: 'user', content: 'Count.' }] }),
      signal: leaving.signal,
    });
    expect(response.status).toBe(200);
    const request = world.fake.requests.at(-1);
    leaving.abort();
    expect((await request?.ended)?.how).toBe('closed-by-client');
  });
});

describe('LibreChat', () => {
  const always = {
    model: 'small',
    temperature: 1,
    top_p: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    user: '65f0c0ffee',
    stream: true,
    stream_options: { include_usage: true },
  };
  const post = (body: object) => send('/chat/completions', LIBRECHAT_HEADERS, body);

  it('chats with what it always sends', async () => {
    const response = await post({
      ...always,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
      ],
    });
    expect(await streamed(response)).toBe('This is the fake upstream.');
    const { user: _left, stream_options: _options, ...others } = always;
    expect(arrived()).toMatchObject(others);
    expect(arrived()).not.toHaveProperty('user');
  });

  it('runs an agent with tools, and sends back what the model said', async () => {
    const response = await post({
      ...always,
      messages: [
        { role: 'user', content: 'Does it rain?', name: 'ann' },
        { role: 'assistant', content: [{ type: 'text', text: 'I look.' }], tool_calls: [CALL], name: 'agent' },
        { role: 'tool', content: 'rain', tool_call_id: 'call_abc', name: 'search_web' },
      ],
      tools: [SEARCH],
      tool_choice: 'auto',
    });
    expect(await streamed(response)).toBe('This is the fake upstream.');
  });

  it('chats with a stored prompt that lets its users set what it always sends', async () => {
    const messages = [{ role: 'user', content: 'The roof leaks.' }];
    expect(await streamed(await post({ ...always, model: `prompt:${CHAT}`, messages }))).toBe(
      'This is the fake upstream.',
    );
  });

  it('is told by name what a sealed question has no place for', async () => {
    const response = await post({ ...always, messages: [{ role: 'user', content: 'Hello' }], include_reasoning: true });
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: expect.objectContaining({ param: 'include_reasoning' }) }),
    ]);
  });
});
