import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Signer } from '@bulla/crypto';
import { utf8 } from '@bulla/crypto';
import { AppSurface } from '../../src/apps/app-surface.js';
import type { Bulla } from '../../src/bulla.js';
import type { SealedReply } from '../responder.js';
import { eventsOf, sendEvents, sendReply } from '../responder.js';
import type { World } from '../world.js';
import { draftOf, makeWorld } from '../world.js';
import { tell } from './asking.js';
import type { SaidAnswer } from './said-answer.js';
import { chunksOf } from './said-answer.js';

const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const CALLS: SaidAnswer = {
  text: ['I ', 'look.'],
  calls: [['call_1', 'look', ['{"at"', ':1}']]],
  finish: 'tool_calls',
  usage: USAGE,
};
const TOOL = { type: 'function', name: 'look', parameters: { type: 'object' }, strict: true };

let world: World;
let bulla: Bulla;
let surface: AppSurface;
let honest: Signer;
beforeAll(async () => {
  world = await makeWorld({ policy: { chat: ['grp:authors'] } });
  bulla = await world.client();
  await bulla.prompts.push('claims/triage', 'text', draftOf('Sort {{claim}}'), ['production']);
  surface = new AppSurface(bulla);
  honest = world.responder.script.signer;
});
afterAll(() => world.stop());
const says = (said: SaidAnswer) => {
  world.responder.script.deltas = () => chunksOf(said).map((chunk) => utf8(`${JSON.stringify(chunk)}\n`));
};
beforeEach(() => says({ text: ['It ', 'rains.'], finish: 'stop', usage: USAGE }));
const cut = ({ head, frames }: SealedReply) =>
  sendEvents(eventsOf({ head, frames, final: new Uint8Array() }).slice(0, -1));
afterEach(() => {
  world.responder.script.signer = honest;
  world.responder.questions.length = 0;
  world.responder.send = sendReply;
});
const ask = (body: object) => tell(surface, '/responses', { model: 'small', input: 'How is the weather?', ...body });
const asked = () => world.responder.questions.at(-1);
const typesOf = (events: readonly unknown[]) => events.map((event) => (event as { type: string }).type);

describe('a response', () => {
  it('is the verified answer in the shape of its interface', async () => {
    const told = await ask({ instructions: 'Be brief.', max_output_tokens: 9, store: false });
    expect(told.status).toBe(200);
    expect(told.headers).toMatchObject({ 'x-bulla-verified': 'true', 'content-type': 'application/json' });
    expect(told.json()).toMatchObject({
      id: expect.stringMatching(/^resp_[0-9a-f]{32}$/),
      object: 'response',
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'It rains.' }] }],
      usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
    });
    expect(asked()).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'How is the weather?' },
      ],
      opt: { model: 'small', max_output_tokens: 9 },
    });
  });

  it('streams its text, and ends when the end is verified', async () => {
    const told = await ask({ stream: true });
    expect(told.headers).toMatchObject({ 'x-bulla-verified': 'at-end' });
    expect(typesOf(told.events())).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect([...told.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)).toEqual(typesOf(told.events()));
  });

  it('calls functions, whole and as events', async () => {
    says(CALLS);
    const item = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{"at":1}', status: 'completed' };
    const whole = await ask({ tools: [TOOL] });
    expect(whole.json()).toMatchObject({ status: 'completed', output: [{ type: 'message' }, item] });
    const events = (await ask({ tools: [TOOL], stream: true })).events();
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { output: [{}, item] } });
    expect(asked()?.opt).toMatchObject({ tools: [{ function: { name: 'look', strict: true } }] });
  });

  it.each<[string, string, () => void]>([
    ['is cut', 'stream_truncated', () => (world.responder.send = cut)],
    [
      'somebody else signed',
      'responder_key_changed',
      () => (world.responder.script.signer = world.organisation.owner.signer),
    ],
  ])('that %s tells no end and no argument of a function, but a failure', async (_name, code, spoil) => {
    says(CALLS);
    spoil();
    const told = await ask({ tools: [TOOL], stream: true });
    expect(typesOf(told.events())).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.failed',
      'error',
    ]);
    expect(told.text).not.toContain('function_call');
    expect(told.events().at(-1)).toMatchObject({ code, error: { code } });
  });

  it('of calls alone begins before they are told', async () => {
    // No word, and no chunk of usage, comes before the end.
    says({ calls: CALLS.calls ?? [], finish: 'tool_calls' });
    const told = await ask({ tools: [TOOL], stream: true });
    expect(typesOf(told.events()).slice(0, 3)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
    ]);
  });

  it('that is cut before its first word is no stream, but an error', async () => {
    says({ ...CALLS, text: [] });
    world.responder.send = cut;
    const told = await ask({ tools: [TOOL], stream: true });
    expect([told.status, told.json()['code']]).toEqual([502, 'stream_truncated']);
  });

  it('asks a stored prompt by its id', async () => {
    const prompt = { id: 'claims/triage', version: '1', variables: { claim: 'wet' } };
    const told = await ask({ model: undefined, input: undefined, prompt });
    expect(told.json()).toMatchObject({ status: 'completed', prompt });
    expect(asked()).toMatchObject({ purpose: 'prompt.invoke', name: 'claims/triage', vars: { claim: 'wet' } });
  });
});

it.each<[string, object, string]>([
  ['an earlier response', { previous_response_id: 'resp_1' }, 'previous_response_id'],
  ['a tool of a server', { tools: [{ type: 'web_search' }] }, 'tools[0].type'],
  [
    'a picture at an address',
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://a.example' }] }] },
    'input[0].content[0].image_url',
  ],
])('%s is refused by name, and nothing is asked', async (_name, body, param) => {
  const told = await ask(body);
  expect(told.status).toBe(400);
  expect(told.json()).toMatchObject({ code: 'validation_failed', error: { type: 'invalid_request_error', param } });
  expect(told.headers).toMatchObject({ 'x-should-retry': 'false' });
  expect(asked()).toBeUndefined();
});

it.each<[string, string, object | undefined, string]>([
  ['fetched', '/responses/resp_1', undefined, 'no response is kept'],
  ['listed', '/responses/resp_1/input_items', undefined, 'no response is kept'],
  ['cancelled', '/responses/resp_1/cancel', {}, 'no response is kept'],
  ['counted', '/responses/input_tokens', {}, 'no tokens are counted'],
  ['compacted', '/responses/compact', {}, 'no conversation is made shorter'],
])('a response cannot be %s here', async (_name, path, body, said) => {
  const told = await tell(surface, path, body);
  expect([told.status, told.json()['code']]).toEqual([404, 'not_found']);
  expect(told.text).toContain(said);
  expect(told.text).not.toContain('bulla prompt list');
});
