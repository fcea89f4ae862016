import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@bulla/crypto';
import OpenAI, { APIError, BadRequestError, NotFoundError } from 'openai';
import { eventsOf, sendEvents, sendReply } from '../responder.js';
import type { World } from '../world.js';
import { makeWorld } from '../world.js';
import type { SaidAnswer } from './said-answer.js';
import { chunksOf } from './said-answer.js';

const ASKED = { model: 'small', input: 'How is the weather?' };
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const RAIN: SaidAnswer = { text: ['It ', 'rains.'], finish: 'stop', usage: USAGE };
const CALL: SaidAnswer = { calls: [['call_1', 'look', ['{"at"', ':1}']]], finish: 'tool_calls', usage: USAGE };
const TOOL = { type: 'function' as const, name: 'look', parameters: { type: 'object' }, strict: false };
const FORMAT = { type: 'json_schema' as const, name: 'weather', schema: { type: 'object' }, strict: true };

let world: World;
let client: OpenAI;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  client = (await world.client()).openai(OpenAI).withOptions({ maxRetries: 0 });
});
afterAll(() => world.stop());
const says = (said: SaidAnswer) => {
  world.responder.script.deltas = () => chunksOf(said).map((chunk) => utf8(`${JSON.stringify(chunk)}\n`));
};
beforeEach(() => says(RAIN));
afterEach(() => {
  world.responder.send = sendReply;
});
const cut = () => {
  world.responder.send = ({ head, frames }) => sendEvents(eventsOf({ head, frames, final: utf8('') }).slice(0, -1));
};
const thrown = (work: Promise<unknown>) => work.catch((error: unknown) => error);

describe("responses of OpenAI's SDK on a connection", () => {
  it('are whole', async () => {
    const response = await client.responses.create(ASKED);
    expect(response).toMatchObject({ output_text: 'It rains.', status: 'completed', usage: { total_tokens: 5 } });
    expect(response._request_id).toMatch(/^req_/);
  });

  it('are put together from their events to what they are as a whole', async () => {
    says({ ...RAIN, ...CALL, text: RAIN.text ?? [] });
    const stream = client.responses.stream({ ...ASKED, tools: [TOOL] });
    const told: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => told.push(delta));
    const streamed = await stream.finalResponse();
    const whole = await client.responses.create({ ...ASKED, tools: [TOOL] });
    expect(told).toEqual(['It ', 'rains.']);
    const bare = (items: typeof whole.output) => items.map(({ id: _id, ...item }) => item);
    expect(bare(streamed.output)).toMatchObject(bare(whole.output));
    expect(streamed).toMatchObject({ output_text: 'It rains.', usage: whole.usage, status: 'completed' });
  });

  it('call functions, and go on with what these gave', async () => {
    says(CALL);
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Look.' }];
    const first = await client.responses.create({ model: 'small', input, tools: [TOOL], tool_choice: 'required' });
    input.push(...(first.output as OpenAI.Responses.ResponseInput));
    const call = first.output.find(({ type }) => type === 'function_call');
    expect(call).toMatchObject({ name: 'look', arguments: '{"at":1}', call_id: 'call_1' });
    input.push({ type: 'function_call_output', call_id: 'call_1', output: 'rain' });
    says(RAIN);
    expect((await client.responses.create({ model: 'small', input, tools: [TOOL] })).output_text).toBe('It rains.');
    expect(world.responder.questions.at(-1)?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'call_1' }] },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ]);
  });

  it('are read by the schema that was asked for', async () => {
    says({ text: ['{"sky":', '"grey"}'], finish: 'stop' });
    const response = await client.responses.parse({ ...ASKED, text: { format: FORMAT } });
    expect(response.output_parsed).toEqual({ sky: 'grey' });
  });

  it('refuse what needs a server that keeps them', async () => {
    const error = await thrown(client.responses.create({ ...ASKED, previous_response_id: 'resp_1' }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param: 'previous_response_id', code: 'validation_failed' });
    expect(await thrown(client.responses.retrieve('resp_1'))).toBeInstanceOf(NotFoundError);
  });

  it('that are cut fail, read by event or as a whole', async () => {
    says(CALL);
    cut();
    const read = async () => {
      for await (const { type } of await client.responses.create({ ...ASKED, tools: [TOOL], stream: true }))
        expect(type).not.toMatch(/done|completed|arguments/);
    };
    const byEvent = await thrown(read());
    expect(byEvent).toBeInstanceOf(APIError);
    expect(byEvent).toMatchObject({ code: 'stream_truncated' });
    const asWhole = await thrown(client.responses.stream({ ...ASKED, tools: [TOOL] }).finalResponse());
    expect(asWhole).toMatchObject({ code: 'stream_truncated' });
  });

  it('end quietly where the app leaves in the middle', async () => {
    const stream = await client.responses.create({ ...ASKED, stream: true });
    const types: string[] = [];
    for await (const { type } of stream) {
      types.push(type);
      if (type === 'response.output_text.delta') stream.controller.abort();
    }
    expect(types).not.toContain('response.completed');
  });
});
