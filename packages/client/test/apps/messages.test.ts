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
const TOOL = { name: 'look', input_schema: { type: 'object' } };

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
const ask = (body: object, path = '/messages') =>
  tell(surface, path, { model: 'small', max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }], ...body });
const asked = () => world.responder.questions.at(-1);
const typesOf = (events: readonly unknown[]) => events.map((event) => (event as { type: string }).type);

describe('a message', () => {
  it('is the verified answer in the shape of its interface', async () => {
    const told = await ask({ system: 'Be brief.' });
    expect(told.status).toBe(200);
    expect(told.headers).toMatchObject({
      'x-bulla-verified': 'true',
      'request-id': told.headers['x-request-id'],
    });
    expect(told.json()).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [{ type: 'text', text: 'It rains.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: expect.objectContaining({ input_tokens: 3, output_tokens: 2 }),
    });
    expect(asked()).toMatchObject({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
      opt: { model: 'small', max_output_tokens: 9 },
    });
  });

  it('streams its text, and ends when the end is verified', async () => {
    const told = await ask({ stream: true });
    expect(told.headers).toMatchObject({ 'x-bulla-verified': 'at-end' });
    expect(typesOf(told.events())).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect([...told.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)).toEqual(typesOf(told.events()));
  });

  it('calls tools, whole and as events', async () => {
    says(CALLS);
    const whole = await ask({ tools: [TOOL] });
    expect(whole.json()).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'text' }, { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 1 } }],
    });
    const streamed = await ask({ tools: [TOOL], stream: true });
    expect(streamed.events()).toContainEqual({
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: '{"at":1}' },
    });
  });

  it.each<[string, string, () => void]>([
    ['is cut', 'stream_truncated', () => (world.responder.send = cut)],
    [
      'somebody else signed',
      'responder_key_changed',
      () => (world.responder.script.signer = world.organisation.owner.signer),
    ],
  ])('that %s tells no end and no argument of a tool, but an error', async (_name, code, spoil) => {
    says(CALLS);
    spoil();
    const told = await ask({ tools: [TOOL], stream: true });
    expect(typesOf(told.events())).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'error',
    ]);
    expect(told.text).not.toMatch(/"tool_use"|input_json/);
    expect(told.events().at(-1)).toMatchObject({ error: { details: { error_code: code } }, code });
  });

  it('whose tool is called with what is no JSON fails before anything ends', async () => {
    says({ text: ['I look.'], calls: [['call_1', 'look', ['{']]], finish: 'tool_calls' });
    expect((await ask({ tools: [TOOL] })).status).toBe(502);
    const told = await ask({ tools: [TOOL], stream: true });
    expect(typesOf(told.events()).slice(-2)).toEqual(['content_block_delta', 'error']);
  });

  it('is the answer of a stored prompt that is its model', async () => {
    const metadata = { bulla_vars: { claim: 'wet' } };
    const told = await ask({ model: 'prompt:claims/triage', messages: [], metadata });
    expect(told.json()).toMatchObject({ type: 'message', content: [{ text: 'It rains.' }] });
    expect(asked()).toMatchObject({ purpose: 'prompt.invoke', name: 'claims/triage', vars: { claim: 'wet' } });
  });
});

it.each<[string, string, object, number, string, string]>([
  ['an unknown member', '/messages', { top_k: 1 }, 400, 'invalid_request_error', 'top_k'],
  ['a count of tokens', '/messages/count_tokens', {}, 404, 'not_found_error', 'no tokens are counted here'],
  [
    'a prompt that is not there',
    '/messages',
    { model: 'prompt:claims/none', messages: [] },
    404,
    'not_found_error',
    'bulla prompt list',
  ],
])('%s is refused in the shape of the vendor', async (_name, path, body, status, type, said) => {
  const told = await ask(body, path);
  expect(told.status).toBe(status);
  expect(told.json()).toMatchObject({
    type: 'error',
    error: { type, message: expect.stringContaining(said) },
    origin: expect.any(String),
    request_id: told.headers['request-id'],
  });
  expect(told.headers['request-id']).toBe(told.headers['x-request-id']);
});

it('may be asked for where an app adds the version to a base that has it', async () => {
  expect((await ask({}, '/v1/messages')).status).toBe(200);
});
