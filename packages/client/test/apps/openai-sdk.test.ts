import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import OpenAI, { APIError, APIUserAbortError, NotFoundError } from 'openai';
import { eventsOf, sendEvents, sendReply } from '../responder.js';
import type { World } from '../world.js';
import { makeWorld } from '../world.js';

const MESSAGES = [{ role: 'user' as const, content: 'How is the weather?' }];
const HEAD = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'small' };
const LINES = [
  { choices: [{ index: 0, delta: { role: 'assistant', content: 'It ' }, finish_reason: null }] },
  { choices: [{ index: 0, delta: { content: 'rains.' }, finish_reason: null }] },
  { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
];

let world: World;
let client: OpenAI;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  client = (await world.client()).openai(OpenAI).withOptions({ maxRetries: 0 });
  world.responder.script.deltas = () => LINES.map((one) => utf8(`${JSON.stringify({ ...HEAD, ...one })}\n`));
});
afterAll(() => world.stop());
afterEach(() => {
  world.responder.send = sendReply;
});
const stream = async () => client.chat.completions.create({ model: 'small', messages: MESSAGES, stream: true });

describe("OpenAI's SDK on a connection", () => {
  it('is answered whole, with the headers of the surface', async () => {
    const {
      data,
      response,
      request_id: id,
    } = await client.chat.completions.create({ model: 'small', messages: MESSAGES }).withResponse();
    expect(data.choices[0]?.message.content).toBe('It rains.');
    expect(response.headers.get('x-bulla-verified')).toBe('true');
    expect(id).toMatch(/^req_/);
  });

  it('is answered in pieces', async () => {
    const pieces: (string | null | undefined)[] = [];
    for await (const { choices } of await stream()) pieces.push(choices[0]?.delta.content);
    expect(pieces).toEqual(['It ', 'rains.', undefined]);
  });

  it('is told of a stream that was cut, whatever came of it', async () => {
    world.responder.send = ({ head, frames }) => sendEvents(eventsOf({ head, frames, final: utf8('') }).slice(0, -1));
    const read = async () => {
      for await (const _chunk of await stream());
    };
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'stream_truncated' });
  });

  it('has errors of the classes that it knows', async () => {
    const asked = client.chat.completions.create({ model: 'prompt:claims/none', messages: [] });
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ status: 404, code: 'not_found', requestID: expect.any(String) });
  });

  it('may leave before the answer, and in the middle of it', async () => {
    const leaving = new AbortController();
    world.responder.send = (reply) => ({
      async write(response) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const event of eventsOf(reply).slice(0, 3)) response.write(event);
        await new Promise((resolve) => response.once('close', resolve));
      },
    });
    const asked = await client.chat.completions.create(
      { model: 'small', messages: MESSAGES, stream: true },
      { signal: leaving.signal },
    );
    const read = async () => {
      for await (const _chunk of asked) leaving.abort();
    };
    await read();
    const late = client.chat.completions.create({ model: 'small', messages: MESSAGES }, { signal: leaving.signal });
    await expect(late).rejects.toBeInstanceOf(APIUserAbortError);
  });
});
