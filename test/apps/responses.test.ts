import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import type { AppsWorld } from './apps-world.js';
import { PROMPT, startAppsWorld } from './apps-world.js';
import { runProgram } from './program.js';
import { RESPONSES_CASES } from './responses-cases.js';

// OpenAI's SDK with its newer interface, straight to a model server and through Bulla, which asks that server for a chat.

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

describe.each(['proxy', 'fetch'] as const)(
  'responses through Bulla (%s) are for an app what they are without',
  (way) => {
    it.each(RESPONSES_CASES)('$name', async ({ replies = {}, see }) => {
      const seen: unknown[] = [];
      const asked: (string | undefined)[] = [];
      for (const client of [clients.direct, clients[way]]) {
        world.fake.follow({ replies });
        seen.push(await see(client));
        asked.push(world.fake.requests.at(-1)?.path);
      }
      // Each really went its way: a responder asks for a chat.
      expect(asked).toEqual(['/v1/responses', '/v1/chat/completions']);
      expect(seen[1]).toEqual(seen[0]);
    });
  },
);

describe('responses through Bulla', () => {
  it('run a stored prompt by its id and version', async () => {
    world.fake.follow({});
    const { data, response } = await clients.proxy.responses
      .create({ prompt: { id: PROMPT, version: 'production', variables: { claim: 'The roof leaks.' } } })
      .withResponse();
    expect(data.output_text).toBe('This is the fake upstream.');
    expect(response.headers.get('x-bulla-verified')).toBe('true');
    expect(JSON.stringify(world.fake.requests.at(-1)?.json())).toContain('Sort this claim: The roof leaks.');
  });

  it('come to the program of the guide, which has no proxy', async () => {
    world.fake.follow({});
    const page = readFileSync(`${import.meta.dirname}/../../docs/guide/own-sdk.md`, 'utf8');
    const [, program = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const end = await runProgram([process.execPath, '--input-type=module', '-e', program], { BULLA_HOME: world.home });
    expect(end).toEqual({ status: 0, stdout: 'This is the fake upstream.\n', stderr: '' });
  });

  it('are nowhere to be asked for again', async () => {
    const again = { model: 'small', input: 'And now?', previous_response_id: 'resp_1' };
    await expect(clients.proxy.responses.create(again)).rejects.toBeInstanceOf(BadRequestError);
    await expect(clients.proxy.responses.create(again)).rejects.toMatchObject({ param: 'previous_response_id' });
    await expect(clients.proxy.responses.retrieve('resp_1')).rejects.toBeInstanceOf(NotFoundError);
  });

  it('that an app leaves stop the model', async () => {
    world.fake.follow({ replies: { tokens: ['a ', 'b ', 'c '], delayBetweenTokensMs: 60_000 } });
    const stream = await clients.proxy.responses.create({ model: 'small', input: 'Count.', stream: true });
    const request = world.fake.requests.at(-1);
    for await (const { type } of stream) if (type === 'response.output_text.delta') break;
    expect((await request?.ended)?.how).toBe('closed-by-client');
  });
});
