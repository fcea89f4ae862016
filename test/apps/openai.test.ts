import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import type { AppsWorld } from './apps-world.js';
import { PROMPT, startAppsWorld } from './apps-world.js';
import { CASES } from './openai-cases.js';

// The official SDK, straight to a model server and through Bulla: an app sees the same.

let world: AppsWorld;
let clients: Readonly<Record<'direct' | 'proxy' | 'fetch', OpenAI>>;
beforeAll(async () => {
  world = await startAppsWorld();
  const clientOf = ({ OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey }: AppsWorld['settings']['bulla']) =>
    new OpenAI({ baseURL, apiKey });
  clients = {
    direct: clientOf(world.settings.direct),
    proxy: clientOf(world.settings.bulla),
    fetch: world.bulla.openai(OpenAI),
  };
});
afterAll(() => world.stop());

/** Whether the question that came last came from a responder. */
const isAskedByResponder = () => world.fake.requests.at(-1)?.requestId.startsWith('inv_') === true;

describe.each(['proxy', 'fetch'] as const)('through Bulla (%s) an app sees what it sees without', (way) => {
  it.each(CASES)('$name', async ({ replies, see }) => {
    const seen: unknown[] = [];
    const askers: boolean[] = [];
    for (const client of [clients.direct, clients[way]]) {
      world.fake.follow(replies === undefined ? {} : { replies });
      seen.push(await see(client));
      askers.push(isAskedByResponder());
    }
    // Each really went its way: a responder names its question to the model server.
    expect(askers).toEqual([false, true]);
    expect(seen[1]).toEqual(seen[0]);
  });
});

describe('through Bulla an app', () => {
  it('sees models and prompts in its list, and runs a prompt by its name', async () => {
    const ids: string[] = [];
    for await (const { id } of clients.proxy.models.list()) ids.push(id);
    expect(ids).toContain(`prompt:${PROMPT}`);
    expect((await clients.proxy.models.retrieve(`prompt:${PROMPT}`)).object).toBe('model');
    world.fake.follow({});
    const { data, response } = await clients.proxy.chat.completions
      .create({
        model: `prompt:${PROMPT}`,
        messages: [],
        metadata: { bulla_vars: JSON.stringify({ claim: 'The roof leaks.' }) },
      })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe('This is the fake upstream.');
    expect(response.headers.get('x-bulla-verified')).toBe('true');
    expect(JSON.stringify(world.fake.requests.at(-1)?.json())).toContain('Sort this claim: The roof leaks.');
  });

  it('is told which variable of a prompt is missing, and which it does not have', async () => {
    const metadata = { bulla_vars: JSON.stringify({ weather: 'rain' }) };
    const asked = clients.proxy.chat.completions.create({ model: `prompt:${PROMPT}`, messages: [], metadata });
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, param: 'claim', type: 'invalid_request_error' });
    expect(String(error)).toContain('claim is missing; weather is no variable of this prompt, which takes claim');
  });

  it('hears of a stream whose model thinks for long, and of the error that ends it', async () => {
    const thinking = { delayBeforeTokensMs: 12_000, tokens: ['At ', 'last.'] };
    world.fake.follow({ replies: { ...thinking, faults: [{ kind: 'cut', afterTokens: 1 }] } });
    const stream = await clients.proxy.chat.completions.create({
      model: 'small',
      messages: [{ role: 'user', content: 'Think.' }],
      stream: true,
    });
    // The head of the response is here, so that heartbeats can come, and nothing of the answer is.
    expect(world.fake.requests.at(-1)?.tokensSent).toBe(0);
    let text = '';
    const read = async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream_unavailable' });
    expect('At last.').toContain(text);
  });

  it('that leaves a stream stops the model, and one that asks for text alone gets it', async () => {
    world.fake.follow({ replies: { tokens: ['a ', 'b ', 'c ', 'd '], delayBetweenTokensMs: 60_000 } });
    const stream = await clients.proxy.chat.completions.create({
      model: 'small',
      messages: [{ role: 'user', content: 'Count.' }],
      stream: true,
    });
    const request = world.fake.requests.at(-1);
    for await (const { choices } of stream) if (choices[0]?.delta.content === 'a ') break;
    expect((await request?.ended)?.how).toBe('closed-by-client');
    world.fake.follow({});
    const { choices } = await clients.proxy.completions.create({ model: 'small', prompt: 'Say it.' });
    expect(choices[0]?.text).toBe('This is the fake upstream.');
  });
});
